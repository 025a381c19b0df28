"""Ingestion, from source to raw table: fetch, resume, stage, validate, merge, quarantine and drift.

Models are built in `build`; how an ingestion is declared is in `declare`.
"""
