"""Runs: the DAG is executed on the run's own branch, merged and published; a preview of that.

Runs whose merges conflict start over in turns. The preview executes nothing. Each kind of node has
a module here that orders its work; the work itself is in `ingest`, `build`, `audit` and `publish`.
"""
