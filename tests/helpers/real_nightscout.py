"""A Nightscout that runs on this machine, as uploaders see it."""

from datetime import UTC, datetime
from hashlib import sha1

import requests

TIMEOUT = 60


class RealNightscout:
    """Takes uploads, deletes, and answers what anybody asks; `url` and `secret` say where and how."""

    def __init__(self, url, secret):
        self.url, self.secret = url, secret
        self._session = requests.Session()
        self._session.headers["api-secret"] = sha1(secret.encode()).hexdigest()

    def upload(self, *documents):
        """Send documents, all of them at once, as uploaders do."""
        self._call("POST", "/api/v1/entries.json", json=documents)

    def remove(self, entry_id):
        """Remove one entry, as the pages of Nightscout do."""
        return self._call("DELETE", f"/api/v1/entries/{entry_id}").json()["n"]

    def empty(self):
        """Remove all entries, also those that no query by `date` finds."""
        self._call("DELETE", "/api/v1/entries.json", params={"find[dateString][$gte]": ""})
        self._call("DELETE", "/api/v1/entries.json", params={"find[date][$gte]": "0"})

    def entries(self, count=0):
        """The newest entries that a query by `date` finds; all of them without a count."""
        return self._found("find[date][$gte]", "0", count)

    def dated_by_text(self):
        """All entries that have a `dateString`, also those whose `date` no query finds."""
        return self._found("find[dateString][$gte]", "", 0)

    def token(self, name, role):
        """Make somebody who has a role; their token."""
        path = "/api/v2/authorization/subjects"
        self._call("POST", path, json={"name": name, "roles": [role]})
        subjects = self._call("GET", path).json()
        return next(each["accessToken"] for each in subjects if each["name"] == name)

    def get(self, target):
        """The status of an answer, and what it found."""
        answer = self._session.get(self.url + target, timeout=TIMEOUT)
        return answer.status_code, answer.json() if answer.ok else None

    def _found(self, condition, value, count):
        query = {"count": str(count), condition: value}
        return self._call("GET", "/api/v1/entries.json", params=query).json()

    def _call(self, method, path, **options):
        answer = self._session.request(method, self.url + path, timeout=TIMEOUT, **options)
        answer.raise_for_status()
        return answer


def at(milliseconds):
    """An instant as uploaders write it in `dateString`."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{int(milliseconds) % 1000:03}Z"
