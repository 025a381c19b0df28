"""Publishing the marts of a commit of main to Postgres, and noting which commit is there.

Connecting to Postgres and running the embedded server belong in `postgres`.
"""
