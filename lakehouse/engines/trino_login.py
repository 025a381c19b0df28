"""How catalogs of Trino log in elsewhere: by secrets that Trino has, not by any of a statement."""

from __future__ import annotations

from lakehouse.identity import ClientCredentials, Identity, Token

TOKEN, SECRET = "LAKEHOUSE_NESSIE_TOKEN", "LAKEHOUSE_NESSIE_CLIENT_SECRET"
"""Names of secrets of Trino: a token for Nessie, or the secret of a client of OAuth2."""


def secret(provider: str, name: str) -> str:
    """Return what Trino replaces by a secret of its own, as a value of a catalog's property.

    `provider` is `ENV`, for variables of Trino's environment, or a provider of its `secrets.toml`.
    """
    return f"${{{provider}:{name}}}"


def nessie_login(identity: Identity, provider: str) -> dict[str, str]:
    """Return properties of an Iceberg catalog with which Trino logs in to Nessie as we do."""
    login = "iceberg.rest-catalog.oauth2"
    match identity.credential:
        case Token():
            properties = {
                f"{login}.token": secret(provider, TOKEN),
                # Iceberg would have it renewed at an address that Nessie does not have.
                f"{login}.token-refresh-enabled": "false",
            }
        case ClientCredentials(token_url, client_id, _, scope):
            properties = {
                f"{login}.credential": f"{client_id}:{secret(provider, SECRET)}",
                f"{login}.server-uri": token_url,
            }
            if scope is not None:
                properties[f"{login}.scope"] = scope
        case _:
            return {}
    return {"iceberg.rest-catalog.security": "OAUTH2", **properties}
