"""The stack that Docker starts is the one that `make stack` starts."""

from pathlib import Path

import pytest
import yaml

from deploy import settings, versions

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
