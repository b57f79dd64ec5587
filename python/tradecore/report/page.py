"""A page in one file: sections, tiles and tables, in light and dark, for a screen and a telephone. It loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tradecore.files import placed

__all__ = ["Section", "Tile", "definitions", "listed", "page", "table", "tiles", "write_page"]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with its heading; one without a body is left out."""

    name: str
    """Its anchor."""
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its label."""

    label: str
    text: str
    note: str = ""
    tone: str = ""
    """``gain``, ``loss`` or nothing."""


def tiles(figures: Iterable[Tile]) -> str:
    """Return figures side by side."""
    parts = []
    for tile in figures:
        tone = f' class="{tile.tone}"' if tile.tone else ""
        note = f"<small>{escape(tile.note)}</small>" if tile.note else ""
        parts.append(f"<div><dt>{escape(tile.label)}</dt><dd{tone}>{escape(tile.text)}{note}</dd></div>")
    return f'<dl class="tiles">{"".join(parts)}</dl>'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1, most: int = 200) -> str:
    """Return a table; so many columns from the left are text, the others numbers."""
    listed = list(rows)
    if not listed:
        return ""

    def cell(kind: str, at: int, text: str) -> str:
        side = ' class="n"' if at >= texts else ""
        return f"<{kind}{side}>{escape(text)}</{kind}>"

    head = "".join(cell("th", at, text) for at, text in enumerate(heads))
    body = "".join(
        "<tr>" + "".join(cell("td", at, text) for at, text in enumerate(row)) + "</tr>" for row in listed[:most]
    )
    more = f'<p class="note">and {len(listed) - most:,} more</p>' if len(listed) > most else ""
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def definitions(rows: Iterable[tuple[str, str]]) -> str:
    """Return texts with their labels, one below the other."""
    parts = (f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>" for label, text in rows)
    return f'<dl class="settings">{"".join(parts)}</dl>'


def listed(sentences: Iterable[str], kind: str = "") -> str:
    """Return sentences as a list."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<ul class="{kind}">{items}</ul>' if items else ""


def page(title: str, subtitle: str, sections: Iterable[Section], foot: str) -> str:
    """Return the page.

    Parameters
    ----------
    title, subtitle, foot : str
        Plain texts.
    sections : iterable of Section
    """
    there = [section for section in sections if section.body]
    links = "".join(f'<a href="#{section.name}">{escape(section.title)}</a>' for section in there)
    body = "".join(
        f'<section id="{section.name}"><h2>{escape(section.title)}</h2>{section.body}</section>' for section in there
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">"
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>'
        f"<style>{_beside('page.css')}</style></head><body>"
        f"<header><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></header><nav>{links}</nav><main>{body}</main>"
        f"<footer>{escape(foot)}</footer><script>{_beside('page.js')}</script></body></html>"
    )


def write_page(path: Path, text: str) -> Path:
    """Write a page as a file that appears at once; return where it is.

    Raises
    ------
    CatalogError
        When it cannot be written; there is none then, or the one of before.
    """
    with placed(path) as fresh:
        fresh.write_text(text, encoding="utf-8")
    return path


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
