"""A listener that keeps what a run warns of."""

from lakehouse.records.listener import Silence


class Heard(Silence):
    """Keeps the warnings of a run."""

    def __init__(self):
        self.warnings = []

    def warning(self, message):
        self.warnings.append(message)
