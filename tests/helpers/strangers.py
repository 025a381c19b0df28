"""A stranger on the servers of the stack, who knows nothing of lakehouses."""

import json
from urllib.parse import quote

import requests

from lakehouse.engines.trino_client import Client

ODD = {
    "a.lost table": ("ICEBERG_TABLE", ["crm", "lost"]),
    "a table in capitals": ("ICEBERG_TABLE", ["RAW", "EVENTS"]),
    "a name with a dot": ("ICEBERG_TABLE", ["raw", "odd.name"]),
    "a table deep down": ("ICEBERG_TABLE", ["deep", "down", "below"]),
    "a table without a schema": ("ICEBERG_TABLE", ["alone"]),
    "a table of Delta Lake": ("DELTA_LAKE_TABLE", ["silver", "delta"]),
    "a function": ("UDF", ["silver", "twice"]),
}
"""What Nessie may hold, as type and key."""
_BODY = {
    "ICEBERG_TABLE": {
        "metadataLocation": "s3://elsewhere/x/metadata/1.metadata.json",
        "snapshotId": 1,
        "schemaId": 0,
        "specId": 0,
        "sortOrderId": 0,
    },
    "DELTA_LAKE_TABLE": {
        "metadataLocationHistory": ["s3://elsewhere/delta/0.json"],
        "checkpointLocationHistory": [],
        "lastCheckpoint": None,
    },
    "UDF": {"dialect": "spark", "sqlText": "x -> 2 * x"},
}


class Stranger:
    """Writes to a branch of Nessie through a catalog of Trino, and by Nessie's API."""

    def __init__(self, stack, branch):
        self.branch, self.stack = branch, stack
        self.catalog = f"stranger_{branch}"
        self.trino = Client(stack["LAKEHOUSE_TRINO_URL"])
        self.api = f"{stack['LAKEHOUSE_NESSIE_URL']}/api/v2/trees"

    def arrive(self):
        """Make tables, views and odd things, some in schemas of the lakehouse, and a branch."""
        properties = {
            "iceberg.catalog.type": "rest",
            "iceberg.rest-catalog.uri": f"{self.stack['LAKEHOUSE_NESSIE_URL']}/iceberg/{self.branch}",
            "fs.native-s3.enabled": "true",
            "s3.region": self.stack["AWS_REGION"],
            "s3.endpoint": self.stack["LAKEHOUSE_S3_ENDPOINT"],
            "s3.path-style-access": "true",
        }
        listed = ", ".join(f"\"{key}\" = '{value}'" for key, value in properties.items())
        self.trino.run(f"CREATE CATALOG {self.catalog} USING iceberg WITH ({listed})")
        for schema in ("crm", "silver"):
            self.run(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        self.run("CREATE TABLE crm.customers AS SELECT 1 AS id, 'Ada' AS name")
        self.run("CREATE TABLE silver.notes AS SELECT 'a note' AS text")
        self.run("CREATE VIEW silver.of_notes AS SELECT text FROM silver.notes")
        for kind, key in ODD.values():
            for depth in range(1, len(key)):
                self.put("NAMESPACE", key[:depth], {"elements": key[:depth]})
            self.put(kind, key, _BODY[kind])
        head = self.ref(self.branch)
        body = {"type": "BRANCH", "name": self.branch, "hash": head}
        self._ask("POST", f"?name=etl-of-{self.branch}&type=BRANCH", body)

    def leave(self):
        """Drop the stranger's catalog."""
        self.trino.run(f"DROP CATALOG IF EXISTS {self.catalog}")

    def run(self, sql):
        """The rows of a statement in the stranger's catalog."""
        return self.trino.run(sql, catalog=self.catalog).rows

    def put(self, kind, key, body):
        """Put a thing on the branch, unless there is one."""
        if key in [each["name"]["elements"] for each in self._entries()]:
            return
        operation = {"type": "PUT", "key": {"elements": key}, "content": {"type": kind, **body}}
        request = {"commitMeta": {"message": "by a stranger"}, "operations": [operation]}
        here = quote(self.branch, safe="")
        self._ask("POST", f"/{here}@{self.ref(self.branch)}/history/commit", request)

    def ref(self, name):
        """The hash of a ref."""
        return self._ask("GET", f"/{quote(name, safe='')}")["reference"]["hash"]

    def possessions(self):
        """All that is the stranger's: contents in Nessie, rows, and the branch."""
        own = [["crm", "customers"], ["silver", "notes"], ["silver", "of_notes"]]
        own += [key for _, key in ODD.values()]
        records = [each for each in self._entries() if each["name"]["elements"] in own]
        assert len(records) == len(own)
        return (
            sorted(json.dumps(each, sort_keys=True) for each in records),
            sorted(self.run("SELECT * FROM crm.customers")),
            self.run("SELECT * FROM silver.of_notes"),
            self.ref(f"etl-of-{self.branch}"),
        )

    def _entries(self):
        here = quote(self.branch, safe="")
        return self._ask("GET", f"/{here}/entries?content=true")["entries"]

    def _ask(self, method, path, body=None):
        answer = requests.request(method, f"{self.api}{path}", json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()
