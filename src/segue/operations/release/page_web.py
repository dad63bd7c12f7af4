"""The page of a release as one file of HTML that needs nothing else: no script, no font, no picture. Pure."""

from collections.abc import Iterator
from html import escape

from segue.operations.release.go import GO, NO_GO
from segue.operations.release.page import Block, Items, Page, Plot, Rows, Words
from segue.operations.sheet import sheet

WIDE, HIGH, LEFT, BOTTOM, TOP = 640, 200, 52, 26, 12
"""Of a plot, in its own units: its size, and the room beside the axes."""
STYLE = """
header p{color:var(--soft)}
.verdict{display:inline-block;margin:.75rem 0 .5rem;padding:.35rem 1rem;border:2px solid;border-radius:.5rem;
font-size:1.35rem;font-weight:700;letter-spacing:.02em}header .pass{color:var(--good)}header .warn{color:var(--warn)}
header .fail{color:var(--bad)}
td.key{white-space:nowrap;font-weight:600}td.word{font-weight:600;white-space:nowrap}
figure{max-width:46rem}figcaption{font-size:.92rem;margin-bottom:.35rem;color:var(--ink)}
figcaption span{color:var(--soft)}
svg text{font-size:12px}svg .axis{stroke:var(--line)}svg .line{fill:none;stroke:var(--a);stroke-width:1.5;opacity:.55}
svg .dot{fill:var(--a);stroke:var(--a)}svg .off{fill:var(--card);stroke:var(--bad);stroke-width:2}
@media(max-width:40rem){tr{display:block;padding:.35rem 0;border-bottom:1px solid var(--line)}
td{display:block;border:0;padding:.05rem 0}td.key{white-space:normal}thead{display:none}}
"""


def html(page: Page) -> str:
    """The page as one HTML file."""
    colour = {GO: "pass", NO_GO: "fail"}.get(page.verdict, "warn")
    body = "".join(
        f"<section><h2>{number}. {escape(section.title)}</h2>{''.join(map(_block, section.blocks))}</section>\n"
        for number, section in enumerate(page.sections, 1)
    )
    head = (
        f'<header><h1>{escape(page.title)}</h1><p class="verdict {colour}">{escape(page.verdict)}</p>'
        f"<p>{escape(page.subtitle)}</p></header>\n"
    )
    return sheet(f"{page.title}: {page.verdict}", head + body, STYLE)


def _block(block: Block) -> str:
    if isinstance(block, Words):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Items):
        return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in block.texts)}</ul>"
    if isinstance(block, Plot):
        return _plot(block)
    return _table(block)


def _table(rows: Rows) -> str:
    heading = ""
    if any(rows.heading):
        heading = f"<thead><tr>{''.join(f'<th>{escape(cell)}</th>' for cell in rows.heading)}</tr></thead>"
    body = "".join(
        f"<tr>{''.join(_cells(row, rows.levels[number] if rows.levels else ''))}</tr>"
        for number, row in enumerate(rows.rows)
    )
    return f'<div class="wide"><table>{heading}<tbody>{body}</tbody></table></div>'


def _cells(row: tuple[str, ...], level: str) -> Iterator[str]:
    """The first cell names what the row is about; how it came out is the cell that is coloured."""
    words = {"pass", "warn", "fail", "no data", "not measured", "accepted"}
    at = next((number for number, cell in enumerate(row) if cell in words), len(row) - 1)
    for number, cell in enumerate(row):
        kind = "key" if number == 0 else f"word {level}" if level and number == at else ""
        yield f'<td class="{kind}">{escape(cell)}</td>' if kind else f"<td>{escape(cell)}</td>"


def _plot(plot: Plot) -> str:
    most = _round_up(max((figure for _, figure, _ in plot.points), default=0.0))
    last_s = max((at_s for at_s, _, _ in plot.points), default=0.0) or 1.0

    def place(at_s: float, figure: float) -> tuple[float, float]:
        x = LEFT + at_s / last_s * (WIDE - LEFT - 16)
        return round(x, 1), round(HIGH - BOTTOM - figure / most * (HIGH - BOTTOM - TOP), 1)

    dots = [(*place(at_s, figure), well) for at_s, figure, well in plot.points]
    line = " ".join(f"{x},{y}" for x, y, _ in dots)
    marks = "".join(f'<circle class="{"dot" if well else "off"}" cx="{x}" cy="{y}" r="4"/>' for x, y, well in dots)
    grid = "".join(
        f'<line class="axis" x1="{LEFT}" x2="{WIDE - 16}" y1="{y}" y2="{y}"/>'
        f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{most * part:g}</text>'
        for part in (0.0, 0.5, 1.0)
        for y in [place(0.0, most * part)[1]]
    )
    ends = (
        f'<text x="{LEFT}" y="{HIGH - 6}">0 s</text>'
        f'<text x="{WIDE - 16}" y="{HIGH - 6}" text-anchor="end">{last_s:.3g} s</text>'
    )
    told = escape(f"{plot.title}, {plot.unit}. {plot.told}")
    caption = f"{escape(plot.title)}, {escape(plot.unit)}<br><span>{escape(plot.told)}</span>"
    return (
        f"<figure><figcaption>{caption}</figcaption>"
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{told}">{grid}{ends}'
        f'<polyline class="line" points="{line}"/>{marks}</svg></figure>'
    )


def _round_up(most: float) -> float:
    """The next of 1, 2, 5, 10, 20 … that is not less."""
    step = 1e-3
    while step < most:
        for factor in (1, 2, 5):
            if step * factor >= most:
                return round(step * factor, 6)
        step *= 10
    return round(step, 6)
