"""Erasing a person or a customer: by a run, and wherever else rows of the key are kept.

The rows themselves are found in `ingest`, the run is one of `run`; here is what comes before and
after it: counting, staged pages, the archive, records, and naming tags and branches.
"""
