"""Settings that say who we are: what is read, what is refused, and that nothing secret is repeated."""

import pytest
from addresses_with_passwords import FIRST, OF_THE_WEB, SECOND, hidden

from lakehouse.config import load
from lakehouse.errors import ConfigError
from lakehouse.identity import NOBODY, Certificate, ClientCredentials, Password, Token

SECRET = FIRST + SECOND
SERVERS = {
    "LAKEHOUSE_PROFILE": "production",
    "LAKEHOUSE_NESSIE_URL": "https://nessie",
    "LAKEHOUSE_TRINO_URL": "https://trino",
    "LAKEHOUSE_WAREHOUSE": "s3://lake/warehouse",
    "LAKEHOUSE_POSTGRES_URL": "postgresql://postgres/marts",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
BOTH = ("NESSIE", "TRINO")


def client(server):
    """A client of OAuth2 for a server."""
    return {
        f"LAKEHOUSE_{server}_CLIENT_ID": "etl",
        f"LAKEHOUSE_{server}_CLIENT_SECRET": SECRET,
        f"LAKEHOUSE_{server}_TOKEN_URL": "https://issuer/token",
    }


@pytest.fixture
def read(tmp_path):
    """Reads settings from the environment and a file."""
    (tmp_path / "some.pem").write_text("")

    def read(environment, file=""):
        (tmp_path / "lakehouse.toml").write_text(f"[production]\n{file}")
        return load(tmp_path, SERVERS | environment).servers

    return read


def test_nobody_is_asked_where_nothing_is_set(read):
    servers = read({})
    assert (servers.nessie_identity, servers.trino_identity) == (NOBODY, NOBODY)


CREDENTIALS = [
    ("TRINO", {"LAKEHOUSE_TRINO_PASSWORD": SECRET}, Password),
    ("TRINO", {"LAKEHOUSE_TRINO_CERTIFICATE": "some.pem"}, Certificate),
    *((server, {f"LAKEHOUSE_{server}_TOKEN": SECRET}, Token) for server in BOTH),
    *((server, client(server), ClientCredentials) for server in BOTH),
]


def identity_of(servers, server):
    return getattr(servers, f"{server.lower()}_identity")


@pytest.mark.parametrize(("server", "variables", "kind"), CREDENTIALS)
def test_each_credential_is_read_and_shown_to_nobody(read, server, variables, kind):
    servers = read(variables)
    assert isinstance(identity_of(servers, server).credential, kind)
    assert hidden(repr(servers))


@pytest.mark.parametrize(("server", "variables", "kind"), CREDENTIALS)
def test_no_credential_travels_unencrypted(read, server, variables, kind):
    with pytest.raises(ConfigError, match=f"LAKEHOUSE_{server}_URL begins with http://") as refused:
        read({**variables, f"LAKEHOUSE_{server}_URL": "http://127.0.0.1:1"})
    assert "https://" in refused.value.hint
    assert hidden(f"{refused.value} {refused.value!r}")


@pytest.mark.parametrize("server", BOTH)
def test_no_secret_of_a_client_is_sent_to_an_issuer_unencrypted(read, server):
    with pytest.raises(ConfigError, match=f"LAKEHOUSE_{server}_TOKEN_URL begins with http://"):
        read({**client(server), f"LAKEHOUSE_{server}_TOKEN_URL": "http://issuer/token"})


@pytest.mark.parametrize("server", BOTH)
@pytest.mark.parametrize("missing", ["CLIENT_ID", "CLIENT_SECRET", "TOKEN_URL"])
def test_what_a_client_lacks_is_named(read, server, missing):
    variables = client(server)
    del variables[f"LAKEHOUSE_{server}_{missing}"]
    with pytest.raises(ConfigError, match=f"needs LAKEHOUSE_{server}_{missing}"):
        read(variables)


@pytest.mark.parametrize("server", BOTH)
def test_two_credentials_are_refused(read, server):
    with pytest.raises(ConfigError, match=r"takes one credential") as refused:
        read({**client(server), f"LAKEHOUSE_{server}_TOKEN": SECRET})
    assert hidden(str(refused.value))


@pytest.mark.parametrize("key", ["trino_ca_file", "nessie_ca_file", "trino_certificate"])
def test_a_file_lies_where_the_project_does(read, tmp_path, key):
    servers = read({}, f'{key} = "some.pem"')
    assert str(tmp_path / "some.pem") in repr(servers) + repr(servers.trino_identity.credential)


@pytest.mark.parametrize("key", ["TRINO_CA_FILE", "NESSIE_CA_FILE", "TRINO_CERTIFICATE"])
def test_a_file_that_is_missing_is_said_and_not_repeated(read, key):
    with pytest.raises(ConfigError, match=f"LAKEHOUSE_{key} is no file") as refused:
        read({f"LAKEHOUSE_{key}": SECRET})
    assert hidden(str(refused.value))


@pytest.mark.parametrize(
    "key", ["trino_password", "trino_token", "nessie_token", "nessie_client_secret"]
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(read, key):
    with pytest.raises(ConfigError, match=f"`{key}` in .* is not known") as refused:
        read({}, f'{key} = "{SECRET}"')
    assert hidden(str(refused.value))


@pytest.mark.parametrize("server", BOTH)
@pytest.mark.parametrize("text", OF_THE_WEB)
def test_the_address_of_an_issuer_holds_no_password(read, server, text):
    with pytest.raises(ConfigError, match=f"LAKEHOUSE_{server}_TOKEN_URL") as refused:
        read({**client(server), f"LAKEHOUSE_{server}_TOKEN_URL": text})
    assert hidden(f"{refused.value} {refused.value!r}")


@pytest.mark.parametrize(
    "name", ["NESSIE_CLIENT_ID", "NESSIE_WAREHOUSE", "NESSIE_SCOPE", "TRINO_USER", "TRINO_SECRETS"]
)
@pytest.mark.parametrize("text", [f"https://user:{SECRET}@host", f"password={SECRET}"])
def test_what_trino_shows_to_others_can_hold_no_password(read, name, text):
    with pytest.raises(ConfigError, match=f"LAKEHOUSE_{name}") as refused:
        read({**client("NESSIE"), f"LAKEHOUSE_{name}": text})
    assert hidden(f"{refused.value} {refused.value!r}")


@pytest.mark.parametrize("scope", ["api://4f1c/.default", "openid email", "catalog"])
def test_a_scope_is_taken_as_it_is(read, scope):
    servers = read({**client("NESSIE"), "LAKEHOUSE_NESSIE_SCOPE": scope})
    assert servers.nessie_identity.credential.scope == scope


def test_a_user_may_have_an_address_of_mail(read):
    assert (
        read({"LAKEHOUSE_TRINO_USER": "etl@example.org"}).trino_identity.user == "etl@example.org"
    )


def test_a_warehouse_of_nessie_has_a_name(read):
    assert read({}).nessie_warehouse is None
    assert read({"LAKEHOUSE_NESSIE_WAREHOUSE": "team-a"}).nessie_warehouse == "team-a"
