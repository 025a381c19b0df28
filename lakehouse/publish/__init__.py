"""Publishing main's marts to Postgres, and telling which commit Postgres and main are at.

Connecting to Postgres and running the embedded server belong in `postgres`.
"""
