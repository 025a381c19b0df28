"""Runs: every node of the DAG is executed on the run's own branch, then audited and published.

Each kind of node has a module here that orders its work; the work itself is in `ingest`, `build`,
`audit` and `publish`.
"""
