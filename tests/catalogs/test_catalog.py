"""The embedded catalog behaves as every catalog does; Nessie's turn is in `tests/stack`."""

from every_catalog import *  # noqa: F403 - the behaviour of every catalog
