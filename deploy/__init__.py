"""The production stack on one machine: Trino, Nessie, an S3 server and Postgres, on loopback."""
