"""What patches were written against: the text of a library's functions, as a short digest."""

import hashlib
import inspect
import re
import subprocess
import sys
from contextlib import contextmanager
from importlib.metadata import version

import pytest


def digest(thing):
    """The same for the same code; comments, blank lines and how far it is indented do not count."""
    lines = (line.strip() for line in inspect.getsource(thing).splitlines())
    code = "\n".join(line for line in lines if line and not line.startswith("#"))
    return hashlib.sha256(code.encode()).hexdigest()[:12]


def assert_unchanged(patch, library, functions):
    """Fail, and name the patch, if a function that it relies on is not the one it was written for.

    `functions` gives the digest of each as it was.
    """
    changed = [
        f"{thing.__qualname__} ({digest(thing)})"
        for thing, known in functions.items()
        if digest(thing) != known
    ]
    assert not changed, (
        f"lakehouse/patches/{patch}.py relies on what {library} {version(library)} has changed:"
        f" {', '.join(changed)}. Read both, mend the patch, and note the new digests."
    )


def printed_by(code):
    """What a Python prints that runs this code alone, without any patch."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def needless(patch, library):
    """What to say where a library no longer does what a patch is for."""
    return f"lakehouse/patches/{patch}.py has no purpose any more with {library} {version(library)}"


@contextmanager
def still(patch, library, error, match=""):
    """Something that a library still fails at; a patch has no purpose once it does not."""
    try:
        yield
    except error as raised:
        if re.search(match, str(raised)) is None:
            raise
    else:
        pytest.fail(needless(patch, library))
