"""An authority of a stack's own: certificates of its servers and clients, and the issuer's key."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Mapping
from pathlib import Path

from deploy import fetch

STORE_PASSWORD = "changeit"  # noqa: S105 - Java's usual one: the store holds nothing secret


def make(folder: Path, clients: tuple[str, ...]) -> None:
    """Make an authority, a certificate of 127.0.0.1, those of clients, and the issuer's key."""
    if (folder / "done").exists():
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _openssl(
        folder,
        "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=lakehouse-authority"
        " -keyout ca.key -out ca.pem",
    )
    _sign(folder, "server", "127.0.0.1", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    for client in clients:
        _sign(folder, client, client, "extendedKeyUsage=clientAuth")
    _openssl(folder, "genrsa -out issuer.key 2048")
    _openssl(folder, "rsa -in issuer.key -pubout -out issuer.pub")
    _trust_store(folder)
    (folder / "done").touch()


def public_key(folder: Path) -> str:
    """Return the issuer's public key as one line of base64."""
    lines = (folder / "issuer.pub").read_text().splitlines()
    key = "".join(line for line in lines if not line.startswith("-----"))
    base64.b64decode(key, validate=True)
    return key


def _sign(folder: Path, name: str, subject: str, extension: str) -> None:
    """Make `name.pem`, which holds a certificate and its key."""
    (folder / "extension").write_text(extension)
    _openssl(
        folder, f"req -newkey rsa:2048 -nodes -subj /CN={subject} -keyout {name}.key -out asked.pem"
    )
    _openssl(
        folder,
        "x509 -req -in asked.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 30"
        f" -extfile extension -out {name}.crt",
    )
    both = folder / f"{name}.pem"
    both.touch(mode=0o600)
    both.write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())


def _trust_store(folder: Path) -> None:
    """Make `trust.p12`, by which Java trusts the authority alone."""
    (folder / "trust.p12").unlink(missing_ok=True)
    command = [str(fetch.java() / "bin/keytool"), "-importcert", "-noprompt", "-alias", "authority"]
    command += ["-file", "ca.pem", "-keystore", "trust.p12", "-storepass", STORE_PASSWORD]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)


def keep(folder: Path, store: str, password: str, secrets: Mapping[str, str]) -> None:
    """Make a store of secrets in a folder, which Java opens by a password."""
    (folder / store).unlink(missing_ok=True)
    command = [str(fetch.java() / "bin/keytool"), "-importpass", "-storetype", "PKCS12"]
    command += ["-keystore", store, "-storepass:env", "STORE_PASSWORD"]
    for name, secret in secrets.items():
        subprocess.run(
            [*command, "-alias", name],
            input=f"{secret}\n{secret}\n",
            check=True,
            capture_output=True,
            cwd=folder,
            env={"STORE_PASSWORD": password},
            text=True,
            umask=0o077,
        )


def _openssl(folder: Path, command: str) -> None:
    subprocess.run(
        ["openssl", *command.split()], check=True, capture_output=True, cwd=folder, umask=0o077
    )
