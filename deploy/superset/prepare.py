"""`prepare.py BUNDLE`: sets Superset up and imports a bundle, in one process of Superset's Python.

It does what `superset db upgrade`, `init` and `fab create-admin` do, each of which takes 8 seconds
to start. Unlike `import-dashboards`, which keeps the tables and charts that it finds, the import
replaces all that an earlier bundle brought.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from zipfile import ZipFile

import superset
from flask import g
from flask_migrate import upgrade
from superset.app import create_app

USER = "admin"


def main(bundle: str) -> None:
    """Set up, and import."""
    with create_app().app_context():
        _set_up()
        _import(bundle)


def _set_up() -> None:
    from superset import appbuilder, security_manager

    upgrade(directory=str(Path(superset.__file__).parent / "migrations"))
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()
    if security_manager.find_user(USER) is None:
        role = security_manager.find_role("Admin")
        password = os.environ["SUPERSET_PASSWORD"]
        security_manager.add_user(USER, "Ada", "Admin", "admin@localhost", role, password)


def _import(bundle: str) -> None:
    from superset import security_manager
    from superset.commands.importers.v1.assets import ImportAssetsCommand
    from superset.commands.importers.v1.utils import get_contents_from_bundle

    g.user = security_manager.find_user(USER)
    with ZipFile(bundle) as file:
        ImportAssetsCommand(get_contents_from_bundle(file)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
