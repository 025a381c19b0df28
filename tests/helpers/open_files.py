"""What files this process has open."""

from contextlib import suppress
from pathlib import Path


def open_files(below):
    """Those whose path begins so, each as often as it is open."""
    files = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the folder that is listed
            files.append(str(each.readlink()))
    return [file for file in files if file.startswith(str(below))]
