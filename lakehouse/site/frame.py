"""What surrounds every page: head, navigation, theme switch, footer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from lakehouse.pages.html import Content, Html, tag

_POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline';"
    " img-src 'self' data: file:; connect-src 'self'; base-uri 'none'; form-action 'none'"
)
"""Nothing is loaded from elsewhere, and no text of a page is run as a script."""

_SEARCH = tag(
    "form",
    tag("label", "Find a table or a column", for_="search", class_="quiet"),
    tag("input", id="search", type="search", autocomplete="off", spellcheck="false"),
    tag("ul", id="found", aria_label="Found", hidden=True),
    role="search",
    id="searching",
)


@dataclass(frozen=True)
class Link:
    """An entry of the navigation; `path` is from the folder of the site."""

    title: str
    path: str


@dataclass(frozen=True)
class Frame:
    """The navigation that all pages share."""

    pages: Sequence[Link]
    pipeline: Sequence[Link]

    def page(
        self,
        path: str,
        title: str,
        *content: Content,
        scripts: Sequence[str] = (),
        searches: bool = False,
    ) -> str:
        """Return a whole page; `path` is where it will lie, `scripts` what it needs besides.

        With `searches`, it has a box that finds tables and columns.
        """
        up = "../" * path.count("/")
        names = ("state", *scripts, "site", "live")
        head = [
            tag("meta", charset="utf-8"),
            tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("meta", name="color-scheme", content="light dark"),
            tag("meta", name="referrer", content="no-referrer"),
            tag("title", title),
            tag("link", rel="icon", href="data:,"),
            tag("link", rel="stylesheet", href=f"{up}assets/site.css"),
            tag("script", src=f"{up}assets/theme.js"),
            (tag("script", src=f"{up}assets/{name}.js", defer=True) for name in names),
        ]
        search = _SEARCH if searches else None
        heading = tag("div", tag("h1", title), search, class_="heading-line")
        body = [
            tag("a", "Skip to the content", href="#content", class_="skip"),
            tag(
                "header",
                tag("a", "lakehouse", href=f"{up}index.html", class_="home"),
                self._links("Pages", self.pages, path, up) if self.pages else None,
                self._links("Pipeline", self.pipeline, path, up),
                tag("button", "Dark", type="button", id="theme", aria_pressed="false"),
            ),
            tag(
                "main",
                heading,
                *content,
                id="content",
                tabindex="-1",
            ),
            tag("footer", tag("p", id="state", role="status")),
            tag(
                "noscript",
                tag("p", "Figures and charts need JavaScript; nothing is loaded from a network."),
            ),
        ]
        page = tag("html", tag("head", head), tag("body", body), lang="en", data_root=up or "./")
        return f"<!DOCTYPE html>\n{page}\n"

    def _links(self, label: str, links: Sequence[Link], path: str, up: str) -> Html:
        items = (
            tag(
                "li",
                tag(
                    "a",
                    link.title,
                    href=f"{up}{link.path}",
                    aria_current="page" if link.path == path else None,
                ),
            )
            for link in links
        )
        return tag("nav", tag("ul", items), aria_label=label)


def static(name: str) -> str:
    """Return a file that every site has as it is."""
    return files("lakehouse.site").joinpath("static", name).read_text(encoding="utf-8")
