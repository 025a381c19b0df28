"""Compiling: from the functions of a project to its DAG, and to one SQL statement for each of them.

SQL is made, cached and compared here; it is run in `lakehouse.engines`.
"""
