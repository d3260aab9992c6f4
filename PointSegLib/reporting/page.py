"""Pieces of a page: a self-contained HTML document that prints on A4."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

_CSS = """
:root { --ink: #1b1f24; --quiet: #57606a; --rule: #d0d7de; --soft: #f6f8fa; --warm: #9a3412; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1020px; padding: 28px 32px 48px; color: var(--ink); background: white;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header { border-bottom: 2px solid var(--ink); margin-bottom: 18px; padding-bottom: 10px; }
h1 { font-size: 23px; margin: 0 0 2px; letter-spacing: -.01em; }
h2 { font-size: 17px; margin: 30px 0 8px; }
h3 { font-size: 14px; margin: 18px 0 6px; }
p { margin: 4px 0; }
.quiet { color: var(--quiet); }
.cards { display: flex; flex-wrap: wrap; gap: 10px; margin: 14px 0; }
.card { flex: 1 1 128px; padding: 9px 12px; border: 1px solid var(--rule); border-radius: 8px;
  background: var(--soft); }
.card b { display: block; font-size: 22px; line-height: 1.25; font-variant-numeric: tabular-nums; }
.card span { display: block; font-size: 12px; color: var(--quiet); }
.limits { border-left: 3px solid var(--warm); background: #fff7ed; padding: 8px 14px; margin: 12px 0; font-size: 13px; }
.limits ul { margin: 4px 0; padding-left: 18px; }
figure { margin: 10px 0; }
figure img { max-width: 100%; height: auto; display: block; }
figure.narrow img { max-width: 50%; margin: 0 auto; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; align-items: center; }
table { border-collapse: collapse; width: 100%; font-size: 12.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 8px; border-bottom: 1px solid var(--rule); text-align: right; vertical-align: top;
  white-space: nowrap; }
th { font-weight: 600; color: var(--quiet); border-bottom: 1px solid var(--ink); }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
td.text, th { white-space: normal; }
td.text:last-child { min-width: 26ch; }
tr.doubted td { color: var(--quiet); background: #fff7ed; }
footer { margin-top: 30px; padding-top: 10px; border-top: 1px solid var(--rule); font-size: 12px; color: var(--quiet); }
@page { size: A4; margin: 13mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  table { font-size: 8.5pt; }
  figure, table, .cards, .limits, .pair { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  section.view { break-before: page; }
}
"""


def page(title: str, body: str) -> str:
    """A whole document; `body` is HTML already."""
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_CSS}</style>\n</head>\n'
        f"<body>\n{body}\n</body>\n</html>\n"
    )


def picture(png: bytes, meaning: str, narrow: bool = False) -> str:
    """A picture inside the page, as wide as the page or half as wide; `meaning` is for those who do not see it."""
    data = base64.b64encode(png).decode("ascii")
    opening = '<figure class="narrow">' if narrow else "<figure>"
    return f'{opening}<img alt="{escape(meaning)}" src="data:image/png;base64,{data}"></figure>'


def cards(values: Iterable[tuple[str, str, str]]) -> str:
    """Figures that matter, as (name, value, note)."""
    made = [
        f'<div class="card"><span>{escape(name)}</span><b>{escape(value)}</b><span>{escape(note)}</span></div>'
        for name, value, note in values
    ]
    return f'<div class="cards">{"".join(made)}</div>'


def limits(title: str, sentences: Sequence[str]) -> str:
    """Warnings in a box; nothing when there are none."""
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<div class="limits"><strong>{escape(title)}</strong><ul>{items}</ul></div>'


def table(header: Sequence[str], rows: Iterable[tuple[Sequence[str], bool]]) -> str:
    """A table; each row comes with whether it is doubted. The first and the last column hold text."""
    last = len(header) - 1

    def cell(kind: str, index: int, text: str) -> str:
        opening = f'<{kind} class="text">' if index == last else f"<{kind}>"
        return f"{opening}{escape(text)}</{kind}>"

    def line(kind: str, texts: Sequence[str], doubted: bool) -> str:
        cells = "".join(cell(kind, index, text) for index, text in enumerate(texts))
        return f'<tr class="doubted">{cells}</tr>' if doubted else f"<tr>{cells}</tr>"

    body = "".join(line("td", row, doubted) for row, doubted in rows)
    return f"<table><thead>{line('th', header, False)}</thead><tbody>{body}</tbody></table>"
