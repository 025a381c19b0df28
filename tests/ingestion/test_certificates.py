"""Certificates: which authorities count, and what is said of a certificate that is wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import loopback
import pytest
from authority import Authority
from authority import serving as authority_server
from loopback import Scripted

from ingestion.client import Client
from ingestion.people import Patience, configured_people
from lakehouse import ConfigError, SourceError, Window

START = datetime(2024, 3, 15, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
QUICK = Patience(timeout=5, attempts=1)
FOUND = {"_id": "a", "date": 1_710_460_800_000}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def serving(certificate: Path) -> AbstractContextManager[str]:
    """The address of a server that shows a certificate, and has one document."""
    return authority_server(certificate, loopback.documents(FOUND))


def fetch(url: str, environment: dict[str, str] | None = None, **own: Any) -> list[Any]:
    blocks = [{"site": "anna", "url": url, **own}]
    (person,) = configured_people({"sites": blocks}, environment or {})
    with closing(Client(person, QUICK)) as client:
        return [document for page in client.entries(DAY) for document in page]


def refusal(url: str, **own: Any) -> SourceError:
    with pytest.raises(SourceError) as raised:
        fetch(url, **own)
    return raised.value


def test_the_file_of_a_site_is_trusted(authority: Authority) -> None:
    with serving(authority.certificate()) as url:
        assert fetch(url, ca_file=authority.file) == [FOUND]


@pytest.mark.long
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_the_file_of_the_environment_is_trusted_also_on_this_machine(
    authority: Authority, variable: str
) -> None:
    with serving(authority.certificate()) as url:
        assert fetch(url, {variable: authority.file}) == [FOUND]


@pytest.mark.long
def test_the_file_of_a_site_goes_before_that_of_the_environment(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", other.file)
    with serving(authority.certificate()) as url:
        environment = {"REQUESTS_CA_BUNDLE": other.file}
        assert fetch(url, environment, ca_file=authority.file) == [FOUND]


@pytest.mark.long
def test_a_certificate_that_a_server_signed_itself_can_be_trusted(authority: Authority) -> None:
    certificate = authority.signed_by_itself()
    with serving(certificate) as url:
        assert fetch(url, ca_file=str(certificate)) == [FOUND]


@pytest.mark.long
def test_an_unknown_authority_is_refused_with_the_settings_that_trust_it(
    authority: Authority,
) -> None:
    with serving(authority.certificate()) as url:
        error = refusal(url)
    assert "has a certificate that comes from an authority that is not trusted" in error.message
    for setting in ("`ca_file`", "NIGHTSCOUT_CA_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        assert setting in error.hint


@pytest.mark.long
def test_a_certificate_of_nobody_else_is_told_from_one_of_an_unknown_authority(
    authority: Authority,
) -> None:
    with serving(authority.signed_by_itself()) as url:
        error = refusal(url)
    assert "was signed by nobody but the server itself" in error.message
    assert "`ca_file`" in error.hint


@pytest.mark.long
@pytest.mark.parametrize("name", ["IP:10.0.0.1", "DNS:example.org"])
def test_a_certificate_of_another_name(authority: Authority, name: str) -> None:
    with serving(authority.certificate(name)) as url:
        error = refusal(url, ca_file=authority.file)
    assert "has a certificate that is one of another name" in error.message
    assert "the name in the address" in error.hint


@pytest.mark.long
def test_an_expired_certificate(authority: Authority) -> None:
    with serving(authority.certificate(days=-1)) as url:
        error = refusal(url, ca_file=authority.file)
    assert "has a certificate that has expired" in error.message
    assert "renew" in error.hint


@pytest.mark.long
def test_a_certificate_is_asked_for_once(authority: Authority) -> None:
    with (
        serving(authority.certificate()) as url,
        closing(
            Client(configured_people({"sites": [{"site": "a", "url": url}]}, {})[0], Patience())
        ) as client,
        pytest.raises(SourceError) as raised,
    ):
        list(client.entries(DAY))
    assert "asked" not in raised.value.message


def test_a_server_without_tls_is_told_from_one_that_is_down() -> None:
    with Scripted(loopback.documents()) as server:
        error = refusal(server.url.replace("http:", "https:"))
    assert "does not speak TLS" in error.message


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (lambda path: path.write_text("no certificate"), "holds no certificate"),
        (lambda path: path.unlink(missing_ok=True), "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_with_its_setting(
    tmp_path: Path, write: Callable[[Path], object], reason: str
) -> None:
    path = tmp_path / "ca.pem"
    write(path)
    with pytest.raises(ConfigError) as raised:
        fetch("https://a.example.org", ca_file=str(path))
    assert raised.value.message == f"`ca_file` of site 'anna' names a file that {reason}"
    with pytest.raises(ConfigError, match="SSL_CERT_FILE names a file"):
        fetch("https://a.example.org", {"SSL_CERT_FILE": str(path)})


def test_the_file_is_relative_to_the_project(authority: Authority) -> None:
    block = {"site": "anna", "url": "https://a.example.org", "ca_file": "ca.pem"}
    (person,) = configured_people({"sites": [block]}, {}, authority.folder)
    assert person.ca_file == authority.file


def test_a_person_of_the_environment_has_a_variable(authority: Authority) -> None:
    environment = {
        "NIGHTSCOUT_URL": "https://a.example.org",
        "NIGHTSCOUT_CA_FILE": authority.file,
    }
    (person,) = configured_people({}, environment)
    assert person.ca_file == authority.file


def test_without_tls_no_file_matters() -> None:
    (person,) = configured_people(
        {}, {"NIGHTSCOUT_URL": "http://a.example.org", "SSL_CERT_FILE": "/nowhere"}
    )
    assert person.ca_file is None
