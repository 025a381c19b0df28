"""What servers are sent by each client of ours, over TLS of an authority of our own."""

import json
from base64 import b64encode
from contextlib import closing

import pytest
from authority import Authority, scripted
from loopback import body, other, status
from pydantic import SecretStr

from lakehouse.catalogs.nessie_http import Nessie
from lakehouse.catalogs.nessie_names import Names
from lakehouse.catalogs.nessie_refs import Refs
from lakehouse.catalogs.nessie_tables import NessieTables
from lakehouse.engines.trino_client import Client
from lakehouse.errors import IdentityError, LakehouseError
from lakehouse.identity import Certificate, ClientCredentials, Identity, Password, Token
from lakehouse.identity.access import Access
from lakehouse.identity.tokens import Tokens
from lakehouse.storage import Bucket
from lakehouse.system.aws_keys import Keys

BUCKET = Bucket(None, "here", Keys(SecretStr("key"), SecretStr("secret")))
EMPTY = body(b"{}")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.certificate()


def by_http(url, access):
    with closing(Nessie(url, access)) as nessie:
        nessie.get("config")


def by_pynessie(url, access):
    Refs(url, Names(), access).hash("main")


def by_pyiceberg(url, access):
    uri = f"{url}/iceberg/main"
    tables = NessieTables("main", uri, BUCKET, "s3://lake", access=access, name="team-a")
    with closing(tables):
        tables.list_namespaces()


each_client = pytest.mark.parametrize("ask", [by_http, by_pynessie, by_pyiceberg])


def asked(ask, url, access):
    """Ask a server that may answer anything."""
    try:
        ask(url, access)
    except Exception as error:  # noqa: BLE001 - what is sent is looked at
        return error


@pytest.mark.long
@each_client
def test_each_client_of_nessie_sends_the_token(authority, certificate, ask, monkeypatch):
    # Variables for other programs do not go before the file of authorities.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.signed_by_itself()))
    access = Access(Identity(Token(SecretStr("abc")), ca_file=authority.file))
    with scripted(certificate, EMPTY) as server:
        asked(ask, server.url, access)
    assert server.headers
    assert {headers["authorization"] for headers in server.headers} == {"Bearer abc"}


@pytest.mark.long
def test_pyiceberg_names_the_warehouse(authority, certificate):
    with scripted(certificate, EMPTY) as server:
        asked(by_pyiceberg, server.url, Access(Identity(ca_file=authority.file)))
    assert server.asked[0] == {"warehouse": "team-a"}


@each_client
def test_a_server_of_an_unknown_authority_is_not_told_the_token(certificate, ask):
    access = Access(Identity(Token(SecretStr("abc"))))
    with scripted(certificate, EMPTY) as server:
        error = asked(ask, server.url, access)
    assert server.headers == []
    if ask is not by_pyiceberg:  # whose errors doctor explains
        assert "certificate that is not trusted" in error.message
        assert "LAKEHOUSE_NESSIE_CA_FILE" in error.hint


@pytest.mark.parametrize("ask", [by_http, by_pynessie])
@pytest.mark.parametrize("code", [401, 403])
def test_a_nessie_that_lets_nobody_in_is_said(authority, certificate, ask, code):
    access = Access(Identity(Token(SecretStr("abc")), ca_file=authority.file))
    with (
        scripted(certificate, other(code, b"")) as server,
        pytest.raises(IdentityError, match=f"refuses: HTTP {code}") as refused,
    ):
        ask(server.url, access)
    assert refused.value.hint


SENT = {
    "password": (
        Identity(Password(SecretStr("pä:ss"))),
        "Basic " + b64encode("anna:pä:ss".encode()).decode(),
    ),
    "token": (Identity(Token(SecretStr("abc"))), "Bearer abc"),
}


@pytest.mark.parametrize(("identity", "sent"), SENT.values(), ids=SENT)
def test_trino_is_sent_the_credential(authority, certificate, identity, sent):
    identity = Identity(identity.credential, ca_file=authority.file)
    with scripted(certificate, other(401, b"")) as server:
        url = server.url.replace("https://", "https://anna@")
        with pytest.raises(LakehouseError, match="refuses: HTTP 401"):
            Client(url, identity).run("SELECT 1")
    assert server.headers[0]["authorization"] == sent
    assert server.headers[0]["x-trino-user"] == "anna"


def test_whose_a_token_is_the_token_says(authority, certificate):
    identity = Identity(Token(SecretStr("abc")), ca_file=authority.file)
    with scripted(certificate, other(401, b"")) as server, pytest.raises(LakehouseError):
        Client(server.url, identity).run("SELECT 1")
    assert "x-trino-user" not in server.headers[0]


@pytest.mark.long
def test_a_trino_of_an_unknown_authority_is_said(certificate):
    with (
        scripted(certificate, EMPTY) as server,
        pytest.raises(LakehouseError, match="that is not trusted") as refused,
    ):
        Client(server.url, Identity(Token(SecretStr("abc")))).run("SELECT 1")
    assert "LAKEHOUSE_TRINO_CA_FILE" in refused.value.hint


def test_a_server_that_asks_for_a_certificate_is_shown_it(authority, certificate):
    shown = Identity(Certificate(str(certificate), str(certificate)), ca_file=authority.file)
    with (
        scripted(certificate, EMPTY, clients=authority.file) as server,
        Access(shown).session() as session,
    ):
        assert session.get(server.url).status_code == 200


def client(url, scope=None):
    return ClientCredentials(f"{url}/token", "etl", SecretStr("s3cr/et&ß"), scope)


def tokens(*lives):
    """Answers of an issuer: the first token is `t0`, and so on."""
    return [
        body(json.dumps({"access_token": f"t{n}", "expires_in": life}).encode())
        for n, life in enumerate(lives)
    ]


def test_a_client_of_oauth2_asks_for_a_token_once(authority, certificate):
    with scripted(certificate, *tokens(3600)) as issuer:
        fetched = Tokens(client(issuer.url, "catalog"), authority.file)
        assert [fetched.valid(), fetched.valid()] == ["t0", "t0"]
    assert issuer.forms == [
        {
            "grant_type": "client_credentials",
            "client_id": "etl",
            "client_secret": "s3cr/et&ß",
            "scope": "catalog",
        }
    ]


@pytest.mark.parametrize("life", [3600, 100, 4])
def test_a_token_is_renewed_before_it_ends(authority, certificate, monkeypatch, life):
    now = 0.0
    monkeypatch.setattr("lakehouse.identity.tokens.time.monotonic", lambda: now)
    with scripted(certificate, *tokens(life, life)) as issuer:
        fetched = Tokens(client(issuer.url), authority.file)
        now = 1.0
        assert fetched.valid() == "t0"
        now = 1.0 + life / 2
        assert fetched.valid() == "t0"
        now = 1.0 + life - 0.1
        assert fetched.valid() == "t1"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(401), "refuses the client 'etl': HTTP 401"),
        (status(302, Location="http://127.0.0.1:9"), "HTTP 302"),
        (body(b"<html>"), "gives no token"),
        (body(b"[]"), "gives no token"),
        (body(b'{"access_token": "t", "expires_in": "soon"}'), "gives no token"),
    ],
)
def test_an_issuer_that_gives_no_token_is_said(authority, certificate, answer, said):
    with (
        scripted(certificate, answer) as issuer,
        pytest.raises(IdentityError, match=said) as refused,
    ):
        Tokens(client(issuer.url), authority.file).valid()
    assert "s3cr" not in str(refused.value)


def test_an_issuer_that_is_gone_is_said():
    with pytest.raises(IdentityError, match="the server of tokens at https://127"):
        Tokens(client("https://127.0.0.1:1")).valid()


@each_client
def test_every_client_of_nessie_fetches_tokens(authority, certificate, ask):
    with scripted(certificate, *tokens(3600), EMPTY) as server:
        asked(ask, server.url, Access(Identity(client(server.url), ca_file=authority.file)))
    assert [headers.get("authorization") for headers in server.headers][:2] == [None, "Bearer t0"]
