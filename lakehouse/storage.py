"""Places of a warehouse: folders on a disk, or in a bucket of an S3 server.

Both are paths with the same methods. What differs all the same is here, and how what is written to
a disk is made to survive a power cut: a bucket does that by itself.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from lakehouse.errors import StorageError

_WRITING = ".writing"
"""How the name of a file ends that is not whole yet."""
_PART = 1 << 20
"""Bytes that are read at a time."""


@dataclass(frozen=True)
class Bucket:
    """An S3 server and how to reach it."""

    endpoint: str | None
    """Its address; None means Amazon's own."""
    region: str
    access_key: SecretStr
    secret_key: SecretStr

    def path(self, address: str) -> Path:
        """An address such as s3://lake/warehouse as a path."""
        options = {
            "key": self.access_key.get_secret_value(),
            "secret": self.secret_key.get_secret_value(),
            "endpoint_url": self.endpoint,
            "client_kwargs": {"region_name": self.region},
            "use_listings_cache": False,  # others write there too
        }
        return path(address, options)


def path(address: str, options: Mapping[str, Any]) -> Path:
    """The path that has this text and these options."""
    if not options:
        return Path(address)
    from upath import UPath

    # Not a Path by inheritance, but with all methods that are used of one.
    return cast("Path", UPath(address, **options))


def options(place: Path) -> dict[str, Any]:
    """What it takes to reach a place, secrets included; nothing, on a disk."""
    return dict(getattr(place, "storage_options", {}))


def beside(place: Path, address: str) -> Path:
    """Another place of the same disk or server."""
    return path(address, options(place))


def is_on_disk(place: Path) -> bool:
    """Whether a place is a folder of this machine."""
    return isinstance(place, Path)


def make_folder(place: Path) -> None:
    """Make a folder that only its owner enters; a bucket has none."""
    if is_on_disk(place):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)


def missing_folders(place: Path) -> list[Path]:
    """A folder and those around it, as far as they do not exist; a bucket has none."""
    if not is_on_disk(place):
        return []
    return [folder for folder in (place, *place.parents) if not folder.exists()]


def write(place: Path, content: str | bytes, *, lasting: bool = True) -> None:
    """Write a file that only its owner can read, in one step: it is whole or not there.

    A `lasting` one survives a power cut from now on; another may be found empty after it.
    """
    raw = content.encode() if isinstance(content, str) else content
    if not is_on_disk(place):
        place.write_bytes(raw)
        return
    new = missing_folders(place.parent)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, writing = tempfile.mkstemp(prefix=f"{place.name}.", suffix=_WRITING, dir=place.parent)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(raw)
            if lasting:
                opened.flush()
                os.fsync(opened.fileno())
        Path(writing).replace(place)
    except IsADirectoryError:
        Path(writing).unlink()
        raise _is_a_folder(place) from None
    except BaseException:
        Path(writing).unlink()
        raise
    if lasting:
        sync_folders([place.parent, *(folder.parent for folder in new)])


def remove(place: Path) -> None:
    """Remove a file, if it is there. Raises StorageError for a folder in its place."""
    try:
        place.unlink(missing_ok=True)
    except (IsADirectoryError, PermissionError):  # macOS has the other one
        if not place.is_dir():
            raise
        raise _is_a_folder(place) from None


def _is_a_folder(place: Path) -> StorageError:
    return StorageError(
        f"{place} is a folder, where a file belongs", hint="move it away, or delete it"
    )


def sync(files: Iterable[Path], root: Path) -> None:
    """Wait until files survive a power cut, and the folders up to `root` that lead to them.

    Other programs' files are not waited for, as `sync` of the system would.
    """
    if not is_on_disk(root):
        return
    places = list(dict.fromkeys(files))
    for place in places:
        _begin_to_write(place)  # the disk is given all of them at once
    for place in places:
        _sync(place)
    around = {folder for place in places for folder in place.parents}
    sync_folders(folder for folder in around if folder.is_relative_to(root))


def sync_folders(folders: Iterable[Path]) -> None:
    """Wait until what folders list survives a power cut."""
    for folder in sorted(set(folders), reverse=True):
        _sync(folder)


def _begin_to_write(place: Path) -> None:
    """Let the system write what it holds of a file, without waiting for it."""
    if not hasattr(os, "posix_fadvise"):
        return
    with _opened(place) as descriptor:
        # Linux writes at once what it is told that nobody will read soon.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _sync(place: Path) -> None:
    with _opened(place) as descriptor:
        os.fsync(descriptor)


@contextmanager
def _opened(place: Path) -> Iterator[int]:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def names(folder: Path) -> list[str]:
    """The names of what is in a folder, in any order; none, if it is not there."""
    if not is_on_disk(folder):
        return [place.name for place in folder.glob("*")]
    try:
        return os.listdir(folder)  # noqa: PTH208 - thousands of paths take their time
    except FileNotFoundError:
        return []


def half_written(folder: Path) -> Iterator[tuple[Path, datetime]]:
    """The files in a folder that `write` has not finished, or never will, and since when."""
    for place in folder.glob(f"*{_WRITING}") if is_on_disk(folder) else ():
        with suppress(FileNotFoundError):  # it is finished
            yield place, modified(place)


def modified(place: Path) -> datetime:
    """When a file was written, as the clock of its disk or server says."""
    return datetime.fromtimestamp(place.stat().st_mtime, UTC)


def checksum(place: Path) -> int | None:
    """A number that tells a file from a damaged one; None for one that cannot be read.

    Of a file in a bucket there is none: its server keeps one itself.
    """
    if not is_on_disk(place):
        return None
    found = 0
    try:
        with place.open("rb") as file:
            while part := file.read(_PART):
                found = zlib.crc32(part, found)
    except OSError:
        return None
    return found


def remove_folder(place: Path) -> None:
    """Remove a folder with everything in it, if it is there."""
    if is_on_disk(place):
        shutil.rmtree(place, ignore_errors=True)
    elif place.exists():
        place.rmdir(recursive=True)  # type: ignore[call-arg]


def files(folder: Path) -> Iterator[tuple[Path, int, datetime]]:
    """The files in a folder, however deep, with their bytes and when they were written."""
    if is_on_disk(folder):
        for place in folder.rglob("*"):
            with suppress(FileNotFoundError):  # somebody was quicker
                if place.is_file():
                    status = place.stat()
                    yield place, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)
        return
    found = folder.fs.find(folder.path, detail=True)  # type: ignore[attr-defined]
    for about in found.values():
        place = beside(folder, f"s3://{about['name']}")
        yield place, int(about["size"]), about["LastModified"].astimezone(UTC)


def remove_empty(folder: Path, *, below: Collection[str]) -> None:
    """Remove a folder that is empty, and those around it, up to one of these names."""
    while is_on_disk(folder) and folder.name not in below:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
