"""A project's report about one person, customer or shop, as a page that is printed.

It executes the blocks of a function that is declared with `@report`, and writes them as HTML that
needs no script and no other file, or as a PDF. How pages look on a screen is not here.
"""

from lakehouse.report.paper import html
from lakehouse.report.printing import pdf
from lakehouse.report.subject import Span, Subject, subject

__all__ = ["Span", "Subject", "html", "pdf", "subject"]
