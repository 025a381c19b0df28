"""The schedule as others run it: systemd, cron, Kubernetes."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from lakehouse.config import Settings
from lakehouse.schedule import Job

SECRETS = "lakehouse.env"
"""The file beside `lakehouse.toml` that units read the environment from."""


def systemd(settings: Settings, _: Sequence[Job]) -> str:
    """A service that runs the schedule."""
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
    """A text in a unit file of systemd, which has a meaning of its own for `%`."""
    return text.replace("%", "%%")


def crontab(settings: Settings, jobs: Sequence[Job]) -> str:
    """Lines of a crontab; times are those of the machine's zone."""
    root, python = shlex.quote(str(settings.root)), shlex.quote(sys.executable)
    read = f"set -a; test ! -f {SECRETS} || . ./{SECRETS}"
    command = f"cd {root} && {{ {read}; }} && {python} -m lakehouse schedule --once"
    crons = dict.fromkeys(each for job in jobs for each in job.crons)
    return "".join(f"{each} {command}\n" for each in crons).replace("%", "\\%")


def kubernetes(settings: Settings, jobs: Sequence[Job]) -> str:
    """A CronJob for each time; its image, and its secret `lakehouse`, are yours to make."""
    crons = dict.fromkeys(each for job in jobs for each in job.crons)
    parts = [
        f"""apiVersion: batch/v1
kind: CronJob
metadata:
  name: lakehouse-{number}
spec:
  schedule: "{each}"
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
        for number, each in enumerate(crons, start=1)
    ]
    return "---\n".join(parts)


KINDS = {"systemd": systemd, "cron": crontab, "kubernetes": kubernetes}
"""What can be written, by name."""
