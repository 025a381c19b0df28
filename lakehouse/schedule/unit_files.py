"""Files with which other schedulers run the schedule: systemd, cron, Kubernetes."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from lakehouse.config import Settings
from lakehouse.schedule.scheduler import Job

SECRETS = "lakehouse.env"
"""File beside `lakehouse.toml` from which units and crontabs read environment variables."""


def systemd(settings: Settings, _: Sequence[Job]) -> str:
    """Return the unit file of a service that runs the schedule."""
    root = _unit(str(settings.root))
    python = _unit(sys.executable).replace("\\", "\\\\").replace('"', '\\"')
    return f"""[Unit]
Description=lakehouse schedule of {_unit(settings.root.name)}
Wants=network-online.target
After=network-online.target

[Service]
WorkingDirectory={root}
EnvironmentFile=-{root}/{SECRETS}
ExecStart="{python}" -m lakehouse schedule
Restart=always
RestartSec=30
UMask=0077

[Install]
WantedBy=multi-user.target
"""


def _unit(text: str) -> str:
    """Escape a text for a unit file of systemd, where `%` has a special meaning."""
    return text.replace("%", "%%")


def crontab(settings: Settings, jobs: Sequence[Job]) -> str:
    """Return lines of a crontab; cron reads their times in the machine's time zone."""
    root, python = shlex.quote(str(settings.root)), shlex.quote(sys.executable)
    read = f"set -a; test ! -f {SECRETS} || . ./{SECRETS}"
    command = f"cd {root} && {{ {read}; }} && {python} -m lakehouse schedule --once"
    crons = dict.fromkeys(cron for job in jobs for cron in job.crons)
    return "".join(f"{cron} {command}\n" for cron in crons).replace("%", "\\%")


def kubernetes(settings: Settings, jobs: Sequence[Job]) -> str:
    """Return a CronJob for each `cron`; its image and its secret `lakehouse` are yours to make."""
    crons = dict.fromkeys(cron for job in jobs for cron in job.crons)
    parts = [
        f"""apiVersion: batch/v1
kind: CronJob
metadata:
  name: lakehouse-{number}
spec:
  schedule: "{cron}"
  timeZone: {settings.timezone}
  concurrencyPolicy: Forbid
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: lakehouse
              image: lakehouse
              command: [python, -m, lakehouse, schedule, --once]
              envFrom:
                - secretRef: {{name: lakehouse}}
"""
        for number, cron in enumerate(crons, start=1)
    ]
    return "---\n".join(parts)


KINDS = {"systemd": systemd, "cron": crontab, "kubernetes": kubernetes}
"""Functions that write such files, by the name of the scheduler."""
