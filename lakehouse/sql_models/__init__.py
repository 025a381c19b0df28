"""SQL models: the text of one SELECT, in DuckDB's SQL, as an Ibis expression of its tables.

`parsed` reads a text and finds its tables, `duckdb_binding` asks DuckDB what it thinks of it, and
`select` makes the expression: after that nothing tells an SQL model from one in Python.
"""
