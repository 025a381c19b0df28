"""Ingestion: what is fetched is staged, validated and merged; no row is lost on the way."""
