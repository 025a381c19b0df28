"""Pages that a project adds to its site, and its reports: how they are declared.

A page or a report is a plain function from Ibis tables to blocks: text, figures, charts and tables.
What they look like in a browser or on paper is not written here.
"""

from lakehouse.pages.blocks import Block, Chart, Columns, Figure, Figures, Notices, Rows, Text
from lakehouse.pages.decorators import Choice, Days, page, report
from lakehouse.pages.shared import read_once

__all__ = [
    "Block",
    "Chart",
    "Choice",
    "Columns",
    "Days",
    "Figure",
    "Figures",
    "Notices",
    "Rows",
    "Text",
    "page",
    "read_once",
    "report",
]
