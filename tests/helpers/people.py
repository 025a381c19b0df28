"""A source of several people, some of whom cannot be read."""

from toy import Source

from lakehouse import Unread


class People(Source):
    """Yields the events of all people but those who are down, of whom it says so."""

    def __init__(self, *rows):
        super().__init__(*rows)
        self.down = set()

    def read(self, window):
        for name in sorted(self.down):
            yield Unread(key={"id": name}, message=f"{name} answers 500", hint="ask again")
        rows, self.rows = self.rows, [row for row in self.rows if row["id"] not in self.down]
        try:
            yield from super().read(window)
        finally:
            self.rows = rows
