"""Dagster tells its makers of every run, unless its `dagster.yaml` forbids it; here it never does.

Dagster's web server and daemon are processes of their own, which only heed that file.
"""

from __future__ import annotations

from dagster._core import telemetry


def silence() -> None:
    """Let Dagster log and send nothing in this process, whatever its instance says."""
    telemetry._get_instance_telemetry_enabled = lambda instance: False  # noqa: ARG005, SLF001
