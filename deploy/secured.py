"""A stack that asks who is there: Trino and Nessie with TLS, passwords, tokens and certificates."""

from __future__ import annotations

import hashlib
import json
import secrets
import ssl
import sys
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

from pydantic import SecretStr

from deploy import authority, issuer, servers, settings, stack
from deploy.servers import Place, Server
from deploy.settings import USER
from lakehouse.identity import Identity, Password

READER = "reader"
"""A user of Trino who may read main's catalog and make none."""
_TLS = "etc/tls"
_STORE = "secrets.p12"
_ITERATIONS = 10_000
WAREHOUSE = "secured"
"""Name of a warehouse in Nessie that is not its default one."""
_PLACE = f"s3://{settings.BUCKET}/{WAREHOUSE}"
_LIFE = 300
"""Seconds that a token of the issuer lives: as long as those of many issuers."""


def start(folder: Path) -> dict[str, str]:
    """Start the stack; the variables to export, with Trino's password and a client of OAuth2."""
    return stack.start_servers(folder, _stages, environment)


def environment(place: Place) -> dict[str, str]:
    """The variables that make the project use this stack."""
    ports, tls = place.ports, place.folder / _TLS
    return stack.environment(place) | {
        "LAKEHOUSE_TRINO_URL": f"https://{USER}@127.0.0.1:{ports.trino_tls}",
        "LAKEHOUSE_TRINO_PASSWORD": place.secrets["trino"],
        "LAKEHOUSE_TRINO_CA_FILE": str(tls / "ca.pem"),
        "LAKEHOUSE_TRINO_SECRETS": "keystore",
        "LAKEHOUSE_NESSIE_URL": f"https://127.0.0.1:{ports.nessie}",
        "LAKEHOUSE_NESSIE_CLIENT_ID": USER,
        "LAKEHOUSE_NESSIE_CLIENT_SECRET": place.secrets["issuer"],
        "LAKEHOUSE_NESSIE_TOKEN_URL": f"https://127.0.0.1:{ports.issuer}/token",
        "LAKEHOUSE_NESSIE_CA_FILE": str(tls / "ca.pem"),
        "LAKEHOUSE_NESSIE_WAREHOUSE": WAREHOUSE,
        "LAKEHOUSE_WAREHOUSE": _PLACE,
    }


def token(place: Place) -> str:
    """A token of the issuer for a day, which is made once."""
    path = place.folder / "etc/nessie.token"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(issuer.token(place.folder / _TLS, USER, seconds=86_400))
    return path.read_text()


def _stages(place: Place) -> list[list[Server]]:
    authority.make(place.folder / _TLS, clients=(USER,))
    return [[*servers.postgres_and_s3(place), _issuer(place)], [_nessie(place), _trino(place)]]


def _issuer(place: Place) -> Server:
    configuration = {
        "port": place.ports.issuer,
        "clients": {USER: place.secrets["issuer"]},
        "seconds": _LIFE,
    }
    place.text("issuer.json", [json.dumps(configuration)])
    command = [sys.executable, "-m", "deploy.issuer", "etc"]
    url = f"https://127.0.0.1:{place.ports.issuer}"
    here = {"PYTHONPATH": str(Path(__file__).parents[1])}
    return Server("issuer", command, lambda: _answers(place, url), place.folder, here)


def _nessie(place: Place) -> Server:
    server = servers.nessie(place)
    ports = place.ports
    ours = {
        f"nessie.catalog.warehouses.{WAREHOUSE}.location": _PLACE,
        "quarkus.http.insecure-requests": "disabled",
        "quarkus.http.port": "0",
        "quarkus.http.ssl-port": str(ports.nessie),
        "quarkus.http.ssl.certificate.files": f"{_TLS}/server.crt",
        "quarkus.http.ssl.certificate.key-files": f"{_TLS}/server.key",
        "nessie.server.authentication.enabled": "true",
        "quarkus.oidc.tenant-enabled": "true",
        "quarkus.oidc.auth-server-url": "",
        # Tokens are verified by the key alone: Nessie need not reach the issuer.
        "quarkus.oidc.public-key": authority.public_key(place.folder / _TLS),
        "quarkus.oidc.client-id": "nessie",
        "quarkus.oidc.token.issuer": issuer.ISSUER,
    }
    properties = settings.nessie(ports, place.secrets["s3"], place.data("nessie"))
    place.configuration("nessie.properties", properties | ours)
    url = f"https://127.0.0.1:{ports.nessie}/api/v2/config"
    return replace(server, is_ready=lambda: _answers(place, url))


def _trino(place: Place) -> Server:
    server = servers.trino(place)
    ports = place.ports
    # Trino stands in the folder of its data.
    here = "../../etc"
    ours = {
        # All statements stay to be looked through for secrets.
        "query.max-history": "10000",
        "query.min-expire-age": "1h",
        "http-server.authentication.type": "PASSWORD,JWT,CERTIFICATE",
        "http-server.authentication.jwt.key-file": f"{here}/tls/issuer.pub",
        "http-server.authentication.certificate.user-mapping.pattern": "CN=([^,]*).*",
        "http-server.https.enabled": "true",
        "http-server.https.port": str(ports.trino_tls),
        "http-server.https.keystore.path": f"{here}/tls/server.pem",
        "http-server.https.truststore.path": f"{here}/tls/ca.pem",
        "internal-communication.shared-secret": place.secrets["internal"],
        "password-authenticator.config-files": f"{here}/trino/password-authenticator.properties",
        "access-control.config-files": f"{here}/trino/access-control.properties",
    }
    place.configuration("trino/config.properties", settings.trino(ports) | ours)
    place.configuration(
        "trino/password-authenticator.properties",
        {"password-authenticator.name": "file", "file.password-file": f"{here}/trino/passwords"},
    )
    users = {USER: place.secrets["trino"], READER: place.secrets["reader"]}
    place.text("trino/passwords", [f"{user}:{_hashed(word)}" for user, word in users.items()])
    place.configuration(
        "trino/access-control.properties",
        {"access-control.name": "file", "security.config-file": f"{here}/trino/rules.json"},
    )
    place.text("trino/rules.json", [json.dumps(RULES)])
    more = (
        f"-Djavax.net.ssl.trustStore={here}/tls/trust.p12",
        f"-Djavax.net.ssl.trustStorePassword={authority.STORE_PASSWORD}",
        f"-DsecretsConfig={here}/trino/secrets.toml",
    )
    place.text("trino/jvm.config", [*settings.TRINO_JVM, *more])
    _keep_secrets(place, f"{here}/trino/{_STORE}")
    # Of the environment only the key to the bucket is left, which no catalog can name.
    kept = {k: v for k, v in server.environment.items() if not k.startswith("LAKEHOUSE_")}
    return replace(server, environment=kept, is_ready=lambda: _lists_catalogs(place))


def _lists_catalogs(place: Place) -> bool:
    told = environment(place)
    password = Password(SecretStr(told["LAKEHOUSE_TRINO_PASSWORD"]))
    identity = Identity(password, ca_file=told["LAKEHOUSE_TRINO_CA_FILE"])
    return servers.lists_catalogs(told["LAKEHOUSE_TRINO_URL"], identity)


def _keep_secrets(place: Place, store: str) -> None:
    """Give Trino a store of secrets, `keystore`, which stands at the path `store` for it."""
    password = place.secrets["internal"]
    lines = {
        "secrets-provider.name": "keystore",
        "keystore-type": "PKCS12",
        "keystore-file-path": store,
        "keystore-password": password,
    }
    toml = [f"{key} = {json.dumps(value)}" for key, value in lines.items()]
    place.text("trino/secrets.toml", ["[keystore]", *toml])
    kept = {
        "LAKEHOUSE_NESSIE_TOKEN": token(place),
        "LAKEHOUSE_NESSIE_CLIENT_SECRET": place.secrets["issuer"],
        "LAKEHOUSE_POSTGRES_PASSWORD": place.secrets["postgres"],
    }
    authority.keep(place.folder / "etc/trino", _STORE, password, kept)


RULES = {
    "catalogs": [
        {"user": USER, "catalog": "lakehouse.*", "allow": "owner"},
        {"user": USER, "catalog": "system", "allow": "read-only"},
        {"catalog": "lakehouse|system", "allow": "read-only"},
    ],
    "queries": [
        {"user": f"{USER}|admin", "allow": ["execute", "kill", "view"]},
        {"allow": ["execute"]},
    ],
}
"""Rules of Trino's file-based access control, which the documentation tells: who makes catalogs,
and who sees which statements."""


def _hashed(password: str) -> str:
    """A password as Trino's file of passwords has it: iterations, salt and hash of PBKDF2.

    Trino's own hash beneath it is SHA-1; its other choice, bcrypt, is not in Python's library.
    """
    salt = secrets.token_bytes(16)
    hashed = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, _ITERATIONS)
    return f"{_ITERATIONS}:{salt.hex()}:{hashed.hex()}"


def _answers(place: Place, url: str) -> bool:
    """Whether a server answers, by a certificate of our authority."""
    context = ssl.create_default_context(cafile=str(place.folder / _TLS / "ca.pem"))
    try:
        urllib.request.urlopen(url, timeout=2, context=context).close()
    except urllib.error.HTTPError:
        return True  # it refuses us, so it is there
    except OSError:
        return False
    return True
