"""A report as blocks, and as Markdown or one HTML file. Values only."""

import html
from collections.abc import Iterable
from dataclasses import dataclass

from segue.operations.sheet import sheet


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the second level."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list; a done or an open box before each item where `boxes` says so."""

    items: tuple[str, ...]
    boxes: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """A table."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing (SVG), with a sentence for those who cannot see it."""

    svg: str
    sentence: str


Block = Heading | Items | Rows | Plot


def markdown(title: str, blocks: Iterable[Block]) -> str:
    """The report as Markdown; the plot is its sentence there."""
    lines = [f"# {_plain(title)}", ""]
    for block in blocks:
        match block:
            case Heading(text):
                lines.append(f"## {text}")
            case Items(items, boxes):
                marks = [f"[{'x' if done else ' '}] " for done in boxes] or [""] * len(items)
                lines += [f"- {mark}{_plain(item)}" for mark, item in zip(marks, items, strict=True)]
            case Rows(header, rows):
                lines += [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"]
                lines += [f"| {' | '.join(_plain(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
            case Plot(_, sentence):
                lines.append(sentence)
        lines.append("")
    return "\n".join(lines)


def page(title: str, blocks: Iterable[Block]) -> str:
    """The report as one HTML file that needs nothing else."""
    parts = []
    for block in blocks:
        match block:
            case Heading(text):
                parts.append(f"<h2>{_safe(text)}</h2>")
            case Items(items, boxes):
                marks = ["☑ " if done else "☐ " for done in boxes] or [""] * len(items)
                parts.append(
                    "<ul>" + "".join(f"<li>{m}{_safe(i)}</li>" for m, i in zip(marks, items, strict=True)) + "</ul>"
                )
            case Rows(header, rows):
                head = "".join(f'<th scope="col">{_safe(cell)}</th>' for cell in header)
                body = "".join("<tr>" + "".join(f"<td>{_safe(cell)}</td>" for cell in row) + "</tr>" for row in rows)
                parts.append(
                    f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
                )
            case Plot(svg, sentence):
                parts.append(f"<figure>{svg}<figcaption>{_safe(sentence)}</figcaption></figure>")
    return sheet(title, f"<h1>{_safe(title)}</h1>\n" + "\n".join(parts))


def _plain(text: str) -> str:
    """Text of others in Markdown: on one line, and no HTML of its own."""
    return " ".join(html.escape(text, quote=False).split())


def _safe(text: str) -> str:
    """Text of others in HTML; two stars make it bold, as in Markdown."""
    pieces = html.escape(text).split("**")
    if len(pieces) % 2 == 0:
        return html.escape(text)
    return "".join(f"<strong>{piece}</strong>" if number % 2 else piece for number, piece in enumerate(pieces))
