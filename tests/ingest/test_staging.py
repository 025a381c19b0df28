"""Staging what a source yields: here, and in a process beside the run."""

import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from toy import plainly

import lakehouse
from lakehouse.errors import StorageError
from lakehouse.ingest.stage import stage
from lakehouse.ingest.stage_process import StageProcess

PAGES = {
    "events": [pa.table({"id": ["a", "b"], "value": [1, 2]}), pa.table({"id": ["c"]})],
    "sites": [pa.table({"site": ["me"]})],
    "nothing": [],
}


@pytest.fixture(params=["here", "beside", "plainly"])
def staging(request, loader):
    """The stages of runs, and the one of the toy project, which tests trust to do the same."""
    return {"here": stage, "beside": loader, "plainly": plainly}[request.param]


def staged(files):
    """The rows of each name."""
    return {
        name: sorted((row for path in paths for row in pq.read_table(path).to_pylist()), key=repr)
        for name, paths in files.items()
    }


@pytest.mark.long
def test_every_row_is_staged_under_its_name(staging, tmp_path):
    files = staging(PAGES, group="all", folder=tmp_path)
    assert staged(files) == {
        "events": [{"id": "a", "value": 1}, {"id": "b", "value": 2}, {"id": "c"}],
        "sites": [{"site": "me"}],
        "nothing": [],
    }


NAMES = [
    "unitPrice",
    "größe",
    "v",
    "V",
    "a b",
    "select",
    "a.b",
    "a__b",
    "_a",
    "Ab-c",
    "日本",
    "%",
    "x" * 70,
]


@pytest.mark.long
def test_columns_are_called_as_the_source_calls_them(staging, tmp_path):
    row = {name: number for number, name in enumerate(NAMES)}
    files = staging({"events": [pa.Table.from_pylist([row])]}, group="all", folder=tmp_path)
    assert staged(files) == {"events": [row]}


@pytest.fixture(params=["variables", "file"])
def settings_of_a_user(request, tmp_path_factory, monkeypatch):
    """What a user of dlt may have configured for pipelines of their own."""
    if request.param == "variables":
        monkeypatch.setenv("SCHEMA__NAMING", "snake_case")
        monkeypatch.setenv("DESTINATION__FILESYSTEM__LAYOUT", "{load_id}.{file_id}.{ext}")
        monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", "/elsewhere")
        monkeypatch.setenv("NORMALIZE__LOADER_FILE_FORMAT", "jsonl")
        return
    project = tmp_path_factory.mktemp("project")
    (project / ".dlt").mkdir()
    (project / ".dlt" / "config.toml").write_text(
        '[schema]\nnaming = "snake_case"\n'
        '[destination.filesystem]\nlayout = "{load_id}.{file_id}.{ext}"\n'
        "[extract]\nmax_parallel_items = 0\n"
    )
    monkeypatch.chdir(project)
    monkeypatch.setenv("DLT_PROJECT_DIR", str(project))


@pytest.mark.long
@pytest.mark.parametrize("beside", [False, True])
def test_settings_for_pipelines_of_a_user_move_nothing(beside, settings_of_a_user, tmp_path):
    row, pages = {"unitPrice": 1}, {"events": [pa.table({"unitPrice": [1]})]}
    with closing(StageProcess()) as process:  # one that starts under these settings
        staging = process if beside else stage
        assert staged(staging(pages, group="all", folder=tmp_path)) == {"events": [row]}


@pytest.mark.long
def test_what_a_killed_run_left_is_taken_away(staging, tmp_path):
    staging(PAGES, group="all", folder=tmp_path)
    files = staging({"events": []}, group="all", folder=tmp_path)
    assert files == {"events": []}


@pytest.mark.sample(1)
def test_an_error_of_a_source_comes_through_and_the_next_is_staged(staging, tmp_path):
    def broken():
        yield PAGES["sites"][0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        staging({"sites": broken()}, group="all", folder=tmp_path)
    files = staging({"sites": PAGES["sites"]}, group="all", folder=tmp_path)
    assert staged(files) == {"sites": [{"site": "me"}]}


@pytest.mark.long
def test_a_folder_that_cannot_be_written_is_said(loader, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be staged"):
        loader(PAGES, group="all", folder=tmp_path / "file")


@pytest.mark.long
def test_a_process_stages_whatever_the_folder_of_the_packages_is_called(tmp_path):
    odd = tmp_path / "größe: und mehr;%s"
    odd.mkdir()
    (odd / "lakehouse").symlink_to(Path(lakehouse.__file__).parent)
    script = f"""
import sys
sys.path.insert(0, {str(odd)!r})
from pathlib import Path
import pyarrow as pa
from lakehouse.ingest import stage_process
assert stage_process.__file__.startswith({str(odd)!r})
process = stage_process.StageProcess()
print(process({{"row": [pa.table({{"x": [1]}})]}}, group="toy", folder=Path({str(tmp_path)!r})))
process.close()
"""
    said = subprocess.run(
        [sys.executable, "-c", script], cwd="/", capture_output=True, text=True, check=False
    )
    assert "toy/row-" in said.stdout, said.stderr


def test_a_process_that_is_ended_leaves_no_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    loader = StageProcess()
    process = loader.start()
    (folder,) = tmp_path.iterdir()
    while not (environment := Path(f"/proc/{process.pid}/environ").read_bytes()):
        pass  # the system has not started the program yet
    assert f"TMPDIR={folder}\0".encode() in environment
    (folder / "rehearsal").mkdir()
    loader.close()
    assert list(tmp_path.iterdir()) == []
