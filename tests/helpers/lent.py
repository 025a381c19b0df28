"""What one test lends to the next, because starting it is slow."""


class Lent:
    """A process that stages, which its borrower cannot end."""

    def __init__(self, loader):
        self.prepare, self.stage = loader.prepare, loader

    def __call__(self, pages, **where):
        return self.stage(pages, **where)

    def close(self):
        """Leave it to the next."""
