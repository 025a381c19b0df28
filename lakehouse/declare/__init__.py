"""Declarations: `@ingestion`, `@model`, `@quality`, finding them, their specs and raw columns.

The columns of a raw table are the declared ones and those for bookkeeping. Nothing here runs a
declaration or turns it into SQL: that is `lakehouse.compile` and above.
"""
