"""Versions of servers that the framework's tests run against; others may work as well."""

TRINO = "476"
NESSIE = "0.108.8"
POSTGRES = "18"
S3 = "S3Proxy 4.1.0"
