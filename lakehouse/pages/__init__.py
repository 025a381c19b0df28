"""Pages that a project adds to its site, and its reports: how they are declared.

A page or a report is a plain function from Ibis tables to blocks: text, figures, charts and tables.
What they look like in a browser or on paper is not written here.
"""

from lakehouse.pages.blocks import Block, Chart, Columns, Figure, Figures, Rows, Text
from lakehouse.pages.decorators import Choice, page, report

__all__ = [
    "Block",
    "Chart",
    "Choice",
    "Columns",
    "Figure",
    "Figures",
    "Rows",
    "Text",
    "page",
    "report",
]
