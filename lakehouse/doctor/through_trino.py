"""What Trino itself can reach: it has an address book, keys and a network of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lakehouse.branches import run_branches
from lakehouse.catalogs import MAIN
from lakehouse.engines.sql import identifier
from lakehouse.engines.trino_errors import ASK_DOCTOR
from lakehouse.errors import LakehouseError, QueryError, ServerError
from lakehouse.records import run_records
from lakehouse.system import clock

if TYPE_CHECKING:
    from lakehouse.addresses import Address
    from lakehouse.config import Servers
    from lakehouse.engines.trino import Trino
    from lakehouse.session import Session

_KEYS = (
    "Trino has keys of its own: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in its environment;"
    " may they read and write there, and does Trino reach that address?"
)
_ENOUGH = "SELECT 1 AS one"


def looks(session: Session) -> dict[str, Callable[[], str]]:
    """Return how to examine, by name, what Trino reaches; nothing if another engine is used."""
    servers, address = session.settings.servers, session.settings.postgres_url
    if servers is None or address is None or session.settings.engine != "trino":
        return {}
    return {
        "trino to nessie": lambda: _nessie(session, servers),
        "trino to s3": lambda: _s3(session, servers),
        "trino to postgres": lambda: _postgres(session, address),
    }


def _nessie(session: Session, servers: Servers) -> str:
    trino = _engine(session)
    hint = "does Trino reach this address, too? It may have another name in its network"
    with _explained(trino, f"read from Nessie at {servers.nessie_url}", hint):
        schemas = trino.client.run(f"SHOW SCHEMAS FROM {identifier(trino.catalogs.of(MAIN))}").rows
    return f"{servers.nessie_url}, {len(schemas)} schemas"


def _s3(session: Session, servers: Servers) -> str:
    """Write a table on a branch, and read it; the branch is dropped, also by the next run."""
    trino, catalog = _engine(session), session.catalog
    branch = run_branches.branch_of(run_records.new_id(clock.now()))
    catalog.create_branch(branch)
    try:
        with _explained(trino, f"write to {servers.warehouse}", _KEYS):
            trino.catalogs.make_schema(branch, "raw")
            table = f"{identifier(trino.catalogs.of(branch))}.raw.doctor"
            trino.client.run(f"CREATE OR REPLACE TABLE {table} AS {_ENOUGH}")
            trino.client.run(f"SELECT one FROM {table}")
            trino.client.run(f"DROP TABLE {table}")
    finally:
        with suppress(LakehouseError):
            catalog.drop_branch(branch)
    return f"{servers.warehouse} can be written to and read"


def _postgres(session: Session, address: Address) -> str:
    trino = _engine(session)
    hint = "does Trino reach this address, and has it the password in its own environment?"
    with _explained(trino, f"reach Postgres at {address.shown}", hint):
        database = identifier(trino.catalogs.of_postgres(address))
        trino.client.run(f"SHOW SCHEMAS FROM {database}")
    return address.shown


def _engine(session: Session) -> Trino:
    from lakehouse.engines.trino import Trino

    assert isinstance(session.engine, Trino)
    return session.engine


@contextmanager
def _explained(trino: Trino, what: str, hint: str) -> Iterator[None]:
    """Raise ServerError, which says in one line what Trino could not do."""
    try:
        yield
    except QueryError as error:
        at = f"Trino at {trino.client.place}"
        reason = error.message.removeprefix("Trino: ").removeprefix(f"{at} ").partition("\n")[0]
        of_its_own = error.hint if error.hint != ASK_DOCTOR else ""
        raise ServerError(f"{at} cannot {what}: {reason}", hint=of_its_own or hint) from None
