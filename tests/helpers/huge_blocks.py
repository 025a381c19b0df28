"""A file of Avro that PyIceberg does not survive."""

import subprocess
import sys

from lakehouse.patches.pyiceberg_blocks import blocks_of

HUGE = b"\x80\x80\x80\x80\x10"
"""2^31, as Avro writes it."""


def with_a_huge_block(raw):
    """The file, the first block of which says that it is of 2^31 bytes."""
    _, ((_, block), *_) = blocks_of(raw)
    start = raw.index(block)
    length = 2 if len(block) < 2**13 else 3  # seven bits a byte, one of them for the sign
    return raw[: start - length] + HUGE + raw[start:]


def read_by_pyiceberg(list_of_manifests):
    """The exit code of a process that reads a list of manifests, and what it said."""
    code = f"""if True:
        from pyiceberg.io.pyarrow import PyArrowFileIO
        from pyiceberg.manifest import read_manifest_list
        list(read_manifest_list(PyArrowFileIO().new_input({str(list_of_manifests)!r})))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr
