"""The page of a release as one file of HTML that needs nothing else: no script, no font, no picture. Pure."""

from collections.abc import Iterator
from html import escape

from segue.operations.release.go import GO, NO_GO
from segue.operations.release.page import Block, Items, Page, Plot, Rows, Words

WIDE, HIGH, LEFT, BOTTOM, TOP = 640, 200, 52, 26, 12
"""Of a plot, in its own units: its size, and the room beside the axes."""
STYLE = """
:root{color-scheme:light dark;--ink:#1c2024;--soft:#5b6670;--ground:#fff;--rule:#d9dee3;--band:#f5f7f9;--good:#117a45;
--warn:#8a5a00;--bad:#b3261e;--line:#2f6fbf}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5af;--ground:#14171a;--rule:#333a41;--band:#1c2126;
--good:#5fce93;--warn:#e6b450;--bad:#ff8a80;--line:#79b0f0}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:62rem;margin:0 auto;padding:2rem 1.25rem 4rem}h1{font-size:1.9rem;margin:0 0 .25rem;line-height:1.2}
h2{font-size:1.2rem;margin:2.25rem 0 .75rem;padding-bottom:.3rem;border-bottom:1px solid var(--rule)}
header p{margin:.2rem 0;color:var(--soft);overflow-wrap:anywhere}
.verdict{display:inline-block;margin:.75rem 0 .5rem;padding:.35rem 1rem;border:2px solid;border-radius:.5rem;
font-size:1.35rem;font-weight:700;letter-spacing:.02em}
.pass{color:var(--good)}.warn{color:var(--warn)}.fail,.no_data{color:var(--bad)}.not_measured{color:var(--soft)}
.scroll{overflow-x:auto}.scroll+.scroll{margin-top:1.25rem}table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--rule)}
th{color:var(--soft);font-weight:600}td{overflow-wrap:anywhere}td.key{white-space:nowrap;font-weight:600}
p{overflow-wrap:anywhere}
td.word{font-weight:600;white-space:nowrap}ul{padding-left:1.2rem}li{margin:.25rem 0;overflow-wrap:anywhere}
figure{margin:1.25rem 0;max-width:46rem}figcaption{font-size:.92rem;margin-bottom:.35rem}
figcaption span{color:var(--soft)}
svg{width:100%;height:auto;background:var(--band);border-radius:.4rem}svg text{fill:var(--soft);font-size:12px}
svg .axis{stroke:var(--rule)}svg .line{fill:none;stroke:var(--line);stroke-width:1.5;opacity:.55}
svg .dot{fill:var(--line);stroke:var(--line)}svg .off{fill:var(--ground);stroke:var(--bad);stroke-width:2}
@media(max-width:40rem){main{padding:1.25rem .9rem 3rem}tr{display:block;padding:.35rem 0;
border-bottom:1px solid var(--rule)}td{display:block;border:0;padding:.05rem 0}td.key{white-space:normal}
thead{display:none}}
@media print{main{max-width:none;padding:0}h2{break-after:avoid}tr,figure{break-inside:avoid}}
"""


def html(page: Page) -> str:
    """The page as one HTML file."""
    colour = {GO: "pass", NO_GO: "fail"}.get(page.verdict, "warn")
    title = escape(f"{page.title}: {page.verdict}")
    body = "".join(
        f"<section><h2>{number}. {escape(section.title)}</h2>{''.join(map(_block, section.blocks))}</section>\n"
        for number, section in enumerate(page.sections, 1)
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body><main><header><h1>{escape(page.title)}</h1>"
        f'<p class="verdict {colour}">{escape(page.verdict)}</p><p>{escape(page.subtitle)}</p></header>\n'
        f"{body}</main></body></html>\n"
    )


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
    return f'<div class="scroll"><table>{heading}<tbody>{body}</tbody></table></div>'


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
