"""Scaffolding: a project to begin with (`init`), and declarations added to one (`new`)."""

from lakehouse.scaffold.declarations import new_check, new_ingestion, new_model
from lakehouse.scaffold.project import TEMPLATES, create

__all__ = ["TEMPLATES", "create", "new_check", "new_ingestion", "new_model"]
