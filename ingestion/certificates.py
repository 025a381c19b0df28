"""Certificates of servers: which authorities are trusted, and what is wrong with a certificate."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path

from lakehouse import ConfigError

CA_FILE = "NIGHTSCOUT_CA_FILE"
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""Variables of the environment that name a file of authorities; the first that is set counts."""

_TRUST = (
    "if it is meant to be so, name the file of that authority in `ca_file` of the site,"
    f" {CA_FILE}, REQUESTS_CA_BUNDLE or SSL_CERT_FILE"
)
_FAULTS = {  # by the codes of OpenSSL (X509_V_ERR_…)
    9: ("is not valid yet", "is the clock of this machine right?"),
    10: ("has expired", "renew it at the server"),
    18: ("was signed by nobody but the server itself", _TRUST),
    19: ("comes from an authority that is not trusted", _TRUST),
    20: ("comes from an authority that is not trusted", _TRUST),
    21: ("comes from an authority that is not trusted", _TRUST),
    62: ("is one of another name", "use the name in the address that the certificate is for"),
    64: ("is one of another name", "use the name in the address that the certificate is for"),
}


def certificate_fault(causes: Iterable[BaseException]) -> tuple[str, str] | None:
    """Return what is wrong with a certificate, and a hint; None if no error is about one."""
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            reason = (f"is not trusted ({cause.verify_message})", _TRUST)
            message, hint = _FAULTS.get(cause.verify_code, reason)
            return f"has a certificate that {message}", hint
    return None


def trusted(own: str | None, where: str, environment: Mapping[str, str], root: Path) -> str | None:
    """Return the path of the authorities to trust for one server; None: the well-known ones.

    `own` is the setting of that server alone, `where` its name, and `root` the folder that it is
    relative to. Raises ConfigError for a file that cannot be read, or holds no certificate.
    """
    if own:
        return _readable(root / Path(own).expanduser(), where)
    for name in BUNDLES:
        if environment.get(name):
            return _readable(Path(environment[name]), name)
    return None


def _readable(path: Path, where: str) -> str:
    try:
        if not path.is_dir():
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ValueError) as error:
        is_there = isinstance(error, ssl.SSLError)
        raise ConfigError(
            f"{where} names a file that {'holds no certificate' if is_there else 'cannot be read'}",
            hint="give the path of a file with the certificates of authorities, in PEM",
        ) from None
    return str(path)
