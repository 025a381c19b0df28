"""Staging in a bucket: through files on this machine, by a process that is prepared for it."""

import io
import socket
from contextlib import closing

import bucket as buckets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback import production

from lakehouse.config import load
from lakehouse.errors import StorageError
from lakehouse.ingest.stage import stage
from lakehouse.ingest.stage_process import StageProcess

PAGES = {"events": [pa.table({"id": [1, 2]}), pa.table({"größe": [3]})], "nothing": []}
ALL = [[{"id": 1}, {"id": 2}], [{"größe": 3}]]


@pytest.fixture
def kept():
    with buckets.serving() as kept:
        yield kept


@pytest.fixture
def process():
    with closing(StageProcess()) as process:
        yield process


@pytest.fixture
def at(tmp_path):
    """The folder of a warehouse on a server."""

    def at(url, name="staging"):
        return load(tmp_path, production(tmp_path, url, "secret")).warehouse / name

    return at


def rows(kept, files):
    """The rows of each file, as the server keeps them."""
    raw = [kept.files[file.removeprefix("s3:/")] for file in files]
    return [pq.read_table(io.BytesIO(each)).to_pylist() for each in raw]


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", ["staging", "größe 100%", "a b"])
def test_pages_are_in_the_bucket_and_nothing_else_is(kept, at, name):
    files = stage(PAGES, group="all", folder=at(kept.url, name))
    assert sorted(rows(kept, files["events"]), key=repr) == sorted(ALL, key=repr)
    assert sorted(kept.files) == sorted(file.removeprefix("s3:/") for file in files["events"])


def test_what_a_killed_run_left_there_is_taken_away(kept, at):
    stage(PAGES, group="all", folder=at(kept.url))
    assert stage({"events": []}, group="all", folder=at(kept.url)) == {"events": []}
    assert kept.files == {}


def test_a_write_that_the_server_refuses_is_an_error(kept, at):
    kept.refuses = True
    with pytest.raises(PermissionError):
        stage(PAGES, group="all", folder=at(kept.url))


@pytest.mark.long
def test_a_server_that_is_busy_is_asked_again(kept, at, process):
    """It closes connections on which much is still to be sent."""
    kept.busy = 1
    noise = pa.array(np.random.default_rng(1).integers(1 << 62, size=4 << 20))
    process.prepare(at(kept.url))
    pages = {"events": [pa.table({"id": noise})]}
    (file,) = process(pages, group="all", folder=at(kept.url))["events"]
    raw = kept.files[file.removeprefix("s3:/")]
    assert pq.read_metadata(io.BytesIO(raw)).num_rows == len(noise)


@pytest.mark.long
def test_the_process_waits_for_no_server_before_there_are_pages(kept, at, process):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        process.prepare(at(f"http://127.0.0.1:{silent.getsockname()[1]}"))
        files = process(PAGES, group="all", folder=at(kept.url))
    assert len(files["events"]) == len(PAGES["events"])


@pytest.mark.long
def test_a_process_that_is_prepared_stages_as_another(kept, at, process):
    process.prepare(at(kept.url))
    files = process(PAGES, group="all", folder=at(kept.url))
    assert sorted(rows(kept, files["events"]), key=repr) == sorted(ALL, key=repr)


@pytest.mark.long
def test_a_bucket_that_is_not_there_is_said_with_the_pages(at, process):
    process.prepare(at("http://127.0.0.1:9"))
    with pytest.raises(StorageError, match="could not be staged"):
        process(PAGES, group="all", folder=at("http://127.0.0.1:9"))
