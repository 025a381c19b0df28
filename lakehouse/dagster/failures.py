"""The sensor of failures: runs that broke off before lakehouse could tell of it."""

from __future__ import annotations

import dagster as dg

from lakehouse.config import Settings


def sensor(settings: Settings) -> dg.SensorDefinition:
    """Return a sensor that sends an alert for a run of Dagster's that broke off.

    Failures that lakehouse itself reports are alerts of its own already.
    """

    @dg.run_failure_sensor(name="lakehouse_failures", default_status=dg.DefaultSensorStatus.RUNNING)
    def lakehouse_failures(context: dg.RunFailureSensorContext) -> None:
        if not _is_told(context):
            _alert(settings, context)

    return lakehouse_failures


def _is_told(context: dg.RunFailureSensorContext) -> bool:
    """Return whether lakehouse raised the failure, and so has sent its alerts."""
    found = [event.step_failure_data for event in context.get_step_failure_events()]
    return bool(found) and all(failure.user_failure_data is not None for failure in found)


def _alert(settings: Settings, context: dg.RunFailureSensorContext) -> None:
    from lakehouse.alerts import channels
    from lakehouse.alerts.ledger import Message

    run = context.dagster_run
    text = f"the run {run.run_id} of {run.job_name} in Dagster broke off: its log says why"
    message = Message(f"dagster {run.run_id}", "a run broke off", text)
    channels.send(settings.alerts, [message], context.log.warning)
