"""The stack that Docker starts is the one that `make stack` starts; what is installed is pinned."""

import json
import re
from pathlib import Path

import pytest
import yaml

from deploy import secured, servers, settings, versions
from deploy.servers import Place
from lakehouse.doctor import tested
from tests.helpers import loopback, scripted_trino

COMPOSE = yaml.safe_load((Path(__file__).parent.parent / "deploy/compose.yaml").read_text())
NIGHTSCOUT = Path(__file__).parent.parent / "deploy/nightscout"
SECRET = "${LAKEHOUSE_S3_SECRET:?}"


def environment(service):
    """What a service is told, as properties."""
    return COMPOSE["services"][service]["environment"]


def properties(config):
    return dict(line.split("=", 1) for line in COMPOSE["configs"][config]["content"].splitlines())


@pytest.mark.parametrize(
    ("service", "version"),
    [
        ("postgres", versions.POSTGRES),
        ("s3", f"s3proxy-{versions.S3PROXY}"),
        ("nessie", versions.NESSIE),
        ("trino", versions.TRINO),
    ],
)
def test_the_same_versions(service, version):
    assert COMPOSE["services"][service]["image"].rpartition(":")[2] == version


def test_the_same_s3_server():
    told = {name.lower().replace("_", "."): value for name, value in environment("s3").items()}
    given = settings.s3proxy(settings.Ports(), SECRET, "/data")
    assert told == {name.replace("-", "."): value for name, value in given.items()}


def test_the_same_nessie():
    assert environment("nessie") == settings.nessie(settings.Ports(), SECRET, "/data")


def test_the_same_trino():
    assert properties("trino-config") == settings.trino(settings.Ports())
    assert properties("trino-node") == settings.trino_node("/data/trino")


def test_the_same_user_of_postgres():
    assert environment("postgres")["POSTGRES_USER"] == settings.USER
    assert f"port={settings.Ports().postgres}" in COMPOSE["services"]["postgres"]["command"]


def test_nothing_listens_beyond_loopback():
    told = (Path(__file__).parent.parent / "deploy/compose.yaml").read_text()
    assert "0.0.0.0" not in told
    assert {service["network_mode"] for service in COMPOSE["services"].values()} == {"host"}


def test_properties_name_any_folder_in_letters_that_java_reads(tmp_path):
    place = Place(tmp_path, tmp_path, settings.Ports(), {})
    written = tmp_path / place.configuration("some.properties", {"folder": "/größe und\\mehr 🩸"})
    assert written.read_bytes() == rb"folder=/gr\u00f6\u00dfe und\\mehr \ud83e\ude78" + b"\n"
    assert written.stat().st_mode & 0o077 == 0


def test_what_servers_write_is_the_owners_alone(tmp_path):
    place = Place(tmp_path, tmp_path, settings.Ports(), {})
    (tmp_path / "data/s3").mkdir(parents=True)
    (tmp_path / "data/s3").chmod(0o755)  # by an older version
    for name in ("s3", "nessie"):
        assert (tmp_path / place.data(name)).stat().st_mode & 0o077 == 0
    file = tmp_path / place.text("trino/jvm.config", ["-server"])
    assert file.parent.stat().st_mode & 0o077 == 0


def test_servers_stand_in_the_folder_of_their_files(tmp_path):
    place = Place(tmp_path / "größe und (mehr)", tmp_path, settings.Ports(), {})
    assert (place.folder / place.data("trino")).is_dir()
    assert not Path(place.data("trino")).is_absolute()


def test_the_nightscout_that_is_installed_is_the_one_that_is_named():
    packages = json.loads((NIGHTSCOUT / "package-lock.json").read_text())["packages"]
    assert packages[""]["dependencies"] == {"nightscout": versions.NIGHTSCOUT}
    assert packages["node_modules/nightscout"]["version"] == versions.NIGHTSCOUT


def test_the_ferretdb_that_is_built_is_the_one_that_is_named():
    required = (NIGHTSCOUT / "mongo/go.mod").read_text()
    assert f"require github.com/FerretDB/FerretDB v{versions.FERRETDB}\n" in required


def test_every_package_of_nightscout_has_a_checksum_and_no_address():
    packages = json.loads((NIGHTSCOUT / "package-lock.json").read_text())["packages"]
    installed = [package for name, package in packages.items() if name]
    assert all(re.match("sha(1|512)-", package["integrity"]) for package in installed)
    assert not any("resolved" in package for package in installed)


def test_the_rules_that_are_told_are_those_that_are_tested():
    guide = Path(__file__).parent.parent / "docs/how-to/from-laptop-to-production.md"
    (told,) = re.findall(r"```json\n(.*?)```", guide.read_text(), re.DOTALL)
    assert json.loads(told) == secured.RULES


def test_doctor_names_the_versions_that_are_tested():
    ours = (tested.TRINO, tested.NESSIE, tested.POSTGRES, tested.S3)
    assert ours == (
        versions.TRINO,
        versions.NESSIE,
        versions.POSTGRES,
        f"S3Proxy {versions.S3PROXY}",
    )


@pytest.mark.parametrize(
    ("answer", "is_ready"),
    [
        (scripted_trino.rows(["lakehouse"]), True),
        (scripted_trino.error("NO_NODES_AVAILABLE", "No nodes available to run query"), False),
        (loopback.status(503), False),
        (loopback.hang_up, False),
    ],
)
def test_trino_is_there_when_it_runs_statements(answer, is_ready):
    with loopback.Scripted(answer) as trino:
        assert servers.lists_catalogs(trino.url) is is_ready
