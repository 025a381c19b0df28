"""Paths of a warehouse: files and folders on a disk, or in a bucket of an S3 server.

Both kinds of paths have the same methods; the functions here hide where they still differ. They
also make files on a disk survive a power cut, which a bucket does by itself.
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
from urllib.parse import unquote, urlparse

from lakehouse.errors import ConfigError, LakehouseError, StorageError
from lakehouse.system import aws_keys
from lakehouse.system.aws_keys import Keys, NoKeysError
from lakehouse.system.aws_requests import LIMITS, Encryption, with_files

_WRITING = ".writing"
"""Ending of the name of a file that is not completely written yet."""
_PART = 1 << 20
"""Bytes read at a time."""
_GIVE_KEYS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or use a role"


@dataclass(frozen=True)
class Bucket:
    """An S3 server and how to reach it."""

    endpoint: str | None
    """The server's address; None means Amazon's own."""
    region: str
    own_keys: Keys | None
    """Keys that the settings name; None means those of `profile`, a role or the machine."""
    profile: str | None = None
    has_path_style: bool = False
    """Whether a bucket is a part of the path of an URL, not of its host."""
    encryption: Encryption | None = None
    """What the server is asked for with each file; None: what the bucket does by itself."""

    @property
    def keys(self) -> Keys:
        """Keys to the bucket at this moment. Raises ConfigError if there are none."""
        try:
            return self.own_keys or aws_keys.found(self.profile)
        except NoKeysError as error:
            raise ConfigError(f"there is no key to the bucket: {error}", hint=_GIVE_KEYS) from None

    @property
    def manners(self) -> dict[str, Any]:
        """How botocore speaks to the server: limits of time and attempts, and the form of URLs."""
        return {**LIMITS, "s3": {"addressing_style": "path" if self.has_path_style else "virtual"}}

    def path(self, address: str) -> Path:
        """Return an address such as s3://lake/warehouse as a path."""
        options = {
            **(self.own_keys.named("key", "secret", "token") if self.own_keys else {}),
            **({"profile": self.profile} if self.profile and not self.own_keys else {}),
            "endpoint_url": self.endpoint,
            "client_kwargs": {"region_name": self.region},
            "config_kwargs": self.manners,
            "s3_additional_kwargs": with_files(self.encryption),
            "use_listings_cache": False,  # other processes write there too
        }
        return path(address, options)


def path(address: str, options: Mapping[str, Any]) -> Path:
    """Return the path of an address; with options, it is one in a bucket."""
    if not options:
        return Path(address)
    from upath import UPath

    # It is no subclass of Path, but has all methods that are used here.
    return cast("Path", UPath(address, **options))


def options(place: Path) -> dict[str, Any]:
    """Return the options needed to reach a path, secrets included; empty on a disk."""
    return dict(getattr(place, "storage_options", {}))


def beside(place: Path, address: str) -> Path:
    """Return the path of another address on the same disk or server."""
    return path(address, options(place))


def is_on_disk(place: Path) -> bool:
    """Return whether a path is on a disk of this machine."""
    return isinstance(place, Path)


def make_folder(place: Path) -> None:
    """Create a folder that only its owner can enter; in a bucket, do nothing."""
    if is_on_disk(place):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)


def missing_folders(place: Path) -> list[Path]:
    """Return a folder and those above it that do not exist yet; none in a bucket."""
    if not is_on_disk(place):
        return []
    return [folder for folder in (place, *place.parents) if not folder.exists()]


def write(place: Path, content: str | bytes, *, lasting: bool = True) -> None:
    """Write a file that only its owner can read, in one step: it is complete, or not there.

    A `lasting` file survives a power cut as soon as this returns; any other file may be empty after
    a power cut.
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
    """Remove a file, if it exists. Raises StorageError if a folder is in its place."""
    try:
        place.unlink(missing_ok=True)
    except (IsADirectoryError, PermissionError):  # macOS raises the latter
        if not place.is_dir():
            raise
        raise _is_a_folder(place) from None


def _is_a_folder(place: Path) -> StorageError:
    return StorageError(
        f"{place} is a folder, where a file belongs", hint="move it away, or delete it"
    )


def sync(files: Iterable[Path], root: Path) -> None:
    """Wait until files, and the folders from `root` down to them, survive a power cut.

    Unlike the system's `sync`, it does not wait for files of other programs.
    """
    if not is_on_disk(root):
        return
    places = list(dict.fromkeys(files))
    for place in places:
        _begin_to_write(place)  # all at once, so that the disk works on them together
    for place in places:
        _sync(place)
    around = {folder for place in places for folder in place.parents}
    sync_folders(folder for folder in around if folder.is_relative_to(root))


def sync_folders(folders: Iterable[Path]) -> None:
    """Wait until the entries of folders (new names, removals) survive a power cut."""
    for folder in sorted(set(folders), reverse=True):
        _sync(folder)


def _begin_to_write(place: Path) -> None:
    """Let the system begin to write a file's cached data to the disk, without waiting for it."""
    if not hasattr(os, "posix_fadvise"):
        return
    with _opened(place) as descriptor:
        # Linux begins to write data that is said to be of no further use.
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
    """Return the names of files and folders in a folder, in any order; none if it is missing."""
    if not is_on_disk(folder):
        return [place.name for place in folder.glob("*")]
    try:
        return os.listdir(folder)  # noqa: PTH208 - thousands of paths take their time
    except FileNotFoundError:
        return []


def half_written(folder: Path) -> Iterator[tuple[Path, datetime]]:
    """Yield the files in a folder that `write` has not finished, and when each was last written.

    Files of killed processes are among them.
    """
    for place in folder.glob(f"*{_WRITING}") if is_on_disk(folder) else ():
        with suppress(FileNotFoundError):  # it is finished
            yield place, modified(place)


def modified(place: Path) -> datetime:
    """Return when a file was written, by the clock of its disk or server."""
    return datetime.fromtimestamp(place.stat().st_mtime, UTC)


def checksum(place: Path) -> int | None:
    """Return a number that changes if the file is damaged; None if it cannot be read.

    It is None for files in a bucket, too, whose server keeps a checksum itself.
    """
    if not is_on_disk(place):
        return None
    total = 0
    try:
        with place.open("rb") as file:
            while part := file.read(_PART):
                total = zlib.crc32(part, total)
    except OSError:
        return None
    return total


def remove_folder(place: Path) -> None:
    """Remove a folder with everything in it, if it exists."""
    if is_on_disk(place):
        shutil.rmtree(place, ignore_errors=True)
    elif place.exists():
        place.rmdir(recursive=True)  # type: ignore[call-arg]


def files(folder: Path) -> Iterator[tuple[Path, int, datetime]]:
    """Yield all files below a folder, with their size in bytes and when they were written."""
    if is_on_disk(folder):
        for place in folder.rglob("*"):
            with suppress(FileNotFoundError):  # it was deleted meanwhile
                if place.is_file():
                    status = place.stat()
                    yield place, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)
        return
    objects = folder.fs.find(folder.path, detail=True)  # type: ignore[attr-defined]
    for entry in objects.values():
        place = beside(folder, f"s3://{entry['name']}")
        yield place, int(entry["size"]), entry["LastModified"].astimezone(UTC)


def remove_empty(folder: Path, *, below: Collection[str]) -> None:
    """Remove an empty folder and the empty ones above it.

    It stops at the first one whose name is in `below`, which stays.
    """
    while is_on_disk(folder) and folder.name not in below:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def local(address: str) -> str:
    """Return the path of a `file:` address, and another address unchanged."""
    return unquote(urlparse(address).path) if address.startswith("file:") else address


@contextmanager
def readable(address: str) -> Iterator[None]:
    """Turn an error of the block into a StorageError that names the file."""
    try:
        yield
    except LakehouseError:
        raise
    except Exception as error:
        raise StorageError(
            f"{local(address)} cannot be read: {type(error).__name__}",
            hint="if it is lost or damaged, `doctor --deep` names the cure",
        ) from error
