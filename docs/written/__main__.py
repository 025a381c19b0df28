"""`python -m docs.written`: write the parts of pages that come from the code."""

from __future__ import annotations

from docs.written import pages, rewritten


def main() -> None:
    """Write each page that holds such parts."""
    for page in pages():
        page.write_text(rewritten(page.read_text()))


if __name__ == "__main__":
    main()
