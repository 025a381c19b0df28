"""How catalogs of Trino log in to Nessie: by secrets that Trino has, not by any of a statement."""

from __future__ import annotations

from lakehouse.identity import ClientCredentials, Identity, Token

TOKEN, SECRET = "LAKEHOUSE_NESSIE_TOKEN", "LAKEHOUSE_NESSIE_CLIENT_SECRET"
"""Variables of Trino's environment: a token for Nessie, or the secret of a client of OAuth2."""


def nessie_login(identity: Identity) -> dict[str, str]:
    """Return properties of an Iceberg catalog with which Trino logs in to Nessie as we do."""
    login = "iceberg.rest-catalog.oauth2"
    match identity.credential:
        case Token():
            properties = {
                f"{login}.token": f"${{ENV:{TOKEN}}}",
                # Iceberg would have it renewed at an address that Nessie does not have.
                f"{login}.token-refresh-enabled": "false",
            }
        case ClientCredentials(token_url, client_id, _, scope):
            properties = {
                f"{login}.credential": f"{client_id}:${{ENV:{SECRET}}}",
                f"{login}.server-uri": token_url,
            }
            if scope is not None:
                properties[f"{login}.scope"] = scope
        case _:
            return {}
    return {"iceberg.rest-catalog.security": "OAUTH2", **properties}
