"""HTML printed to a PDF by a browser of the machine, which is started without a window."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

from lakehouse.errors import ConfigError, StorageError

_PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "msedge",
    "microsoft-edge",
    "brave-browser",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
"""Browsers that print in the way that Chromium does."""
_OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--disable-extensions",
    "--disable-sync",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-first-run",
    "--no-pdf-header-footer",
)
_LONGEST = 120
"""Seconds that printing may take."""


def pdf(html: str) -> bytes:
    """Return a document, printed. Raises ConfigError without a browser, StorageError if it fails.

    The browser gets a profile of its own, so it meets none that is open, and no network is used.
    """
    browser = next(filter(None, map(which, _PROGRAMS)), None)
    if browser is None:
        raise ConfigError(
            "a PDF is printed by Chromium or Chrome, and neither is installed",
            hint="install one, or write FILE.html and print that from any browser",
        )
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        page, printed = Path(folder, "report.html"), Path(folder, "report.pdf")
        page.write_text(html, encoding="utf-8", errors="replace")
        options = [*_OPTIONS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={printed}"]
        if getattr(os, "geteuid", lambda: 1)() == 0:
            options.append("--no-sandbox")  # Chromium refuses to run as root otherwise
        _print([browser, *options, page.as_uri()])
        if not printed.is_file():
            raise StorageError(
                f"{browser} printed nothing", hint="write FILE.html and print that from a browser"
            )
        return printed.read_bytes()


def _print(command: list[str]) -> None:
    """Run the browser. Raises StorageError if it fails or does not end."""
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_LONGEST)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise StorageError(
            f"{command[0]} could not print the report: {type(error).__name__}",
            hint="write FILE.html and print that from a browser",
        ) from None
