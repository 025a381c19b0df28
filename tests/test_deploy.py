"""The stack that Docker starts is the one that `make stack` starts."""

from pathlib import Path

import pytest
import yaml

from deploy import settings, versions
from deploy.servers import Place

COMPOSE = yaml.safe_load((Path(__file__).parent.parent / "deploy/compose.yaml").read_text())
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
    assert told == settings.s3proxy(settings.Ports(), SECRET, "/data")


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


def test_servers_stand_in_the_folder_of_their_files(tmp_path):
    place = Place(tmp_path / "größe und (mehr)", tmp_path, settings.Ports(), {})
    assert (place.folder / place.data("trino")).is_dir()
    assert not Path(place.data("trino")).is_absolute()
