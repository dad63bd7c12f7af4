"""The latency audit as one page: no script, no address, plots as SVG, light and dark. Pure: values in, HTML out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

from segue.operations.plots import COLOURS, ecdf, hours, waterfall
from segue.operations.report import Check, Level, Report
from segue.operations.sheet import sheet
from segue.operations.watching.vitals import PARTS

SIGNS = {
    Level.PASS: "✓",
    Level.WARN: "!",
    Level.FAIL: "✗",
    Level.NO_DATA: "?",
    Level.NOT_MEASURED: "–",
}
GROUPS = ("variant", "profile", "language", "provider", "model")
STEPS = ("first_token", "first_sentence", "first_tts", "send")
NAMES = {
    "first_token": "first token",
    "first_sentence": "first sentence",
    "first_tts": "first speech",
    "send": "sending",
    "ttfa": "first sound",
    "total": "whole reply",
}
STYLE = """
main{max-width:72rem}h2{border:0;padding:0;margin-bottom:.6rem}
.cards{display:grid;gap:.75rem;margin-top:1.2rem;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr))}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.8rem 1rem}figure{margin:0}
.card b{display:block;font-size:1.45rem;font-variant-numeric:tabular-nums}
.plots{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr))}
table{font-variant-numeric:tabular-nums}th,td{padding:.3rem .6rem .3rem 0;text-align:right;white-space:nowrap}
th{font-weight:500}th:first-child,td:first-child{text-align:left}
td.say{white-space:normal;text-align:left;min-width:16rem}td span.soft{display:block;font-size:.82em}
.key{display:inline-block;width:.7rem;height:.7rem;border-radius:.2rem;margin:0 .35rem 0 .8rem}
"""


def page(told: Mapping[str, Any], report: Report) -> str:
    """The page of an audit, as `latency.audit` has it."""
    whole = told["all"]
    body = (
        f"<h1>Latency audit of {escape(report.target)}</h1>",
        f'<p class="soft">{span(told)}. <b class="{report.outcome.value}">{SIGNS[report.outcome]} '
        f"{report.outcome.value.replace('_', ' ')}</b></p>",
        _cards(whole),
        "<h2>Where the time goes</h2>",
        '<div class="plots">',
        _figure(
            waterfall(whole["stages"], STEPS, NAMES), "Each stage at its median, with its 95th percentile beside it."
        ),
        _figure(
            _legend(told["curves"]) + ecdf(told["curves"], _limits(told)),
            "How many turns had their first sound after at most so long; the scale opens where few are left.",
        ),
        "</div>",
        _table("All turns", ("stage", "n", "never", *_heads()), (_stage_row(name, whole["stages"]) for name in NAMES)),
        "<h2>What was promised</h2>",
        _table("", ("", ""), (_check_row(check) for check in report.checks)),
        "<h2>Hour by hour</h2>",
        _figure(hours(told["groups"]["hour"]), "95th percentile of the first sound; the paler the fewer turns. UTC."),
        "<h2>Who and what</h2>",
        *(_group(by, told["groups"][by]) for by in GROUPS),
        "<h2>The slowest turns</h2>",
        _slowest(told["slowest"]),
        _silent(told["silent"]),
        f'<p class="soft">{escape(NOTE)}</p>',
    )
    return sheet(f"Latency audit of {report.target}", "".join(body), STYLE)


NOTE = (
    "Beside a quantile stand the values that bound the true one with 95 % confidence, whatever the distribution; a dash"
    " is a bound that so few turns cannot give. Turns that failed without a sound count as never. Turns that their"
    " listener left before the first sound are counted by themselves."
)


def span(told: Mapping[str, Any]) -> str:
    """From when to when the turns are."""
    if told["since"] is None:
        return "No turns"
    since, until = (datetime.fromtimestamp(told[name], UTC).strftime("%Y-%m-%d %H:%M") for name in ("since", "until"))
    return f"{told['all']['turns']:,} turns from {since} to {until} UTC"


def figure(ms: float | None) -> str:
    """Milliseconds for people."""
    if ms is None:
        return "–"
    return f"{ms:,.0f} ms" if ms < 10_000 else f"{ms / 1000:,.1f} s"


def quantile(stage: Mapping[str, Any], part: str) -> str:
    """A quantile of a stage for people; `never` where so many turns never came to its end."""
    never = stage["n"] and stage[f"{part}_ms"] is None
    return "never" if never else figure(stage[f"{part}_ms"])


def _cards(whole: Mapping[str, Any]) -> str:
    ttfa = whole["stages"]["ttfa"]
    values = {
        "turns": f"{whole['turns']:,}",
        **{f"first sound, {word.upper()}": quantile(ttfa, word) for word in PARTS},
        "cut short": "–" if whole["cut_short"] is None else f"{whole['cut_short']:.1%}",
        "left before a sound": f"{whole['left_before_sound']:,}",
        "failed without a sound": f"{whole['silent']:,}",
    }
    cards = (
        f'<div class="card"><span class="soft">{name}</span><b>{value}</b></div>' for name, value in values.items()
    )
    return f'<div class="cards">{"".join(cards)}</div>'


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def _legend(curves: Iterable[str]) -> str:
    keys = (
        f'<span class="key" style="background:var(--{COLOURS[at % len(COLOURS)]})"></span>{escape(name)}'
        for at, name in enumerate(curves)
    )
    return f'<p class="soft">{"".join(keys)}</p>'


def _limits(told: Mapping[str, Any]) -> dict[str, float]:
    return {profile: limits["ttfa_p95_ms"] for profile, limits in told["objectives"].items()}


def _heads() -> tuple[str, ...]:
    return tuple(word.upper() for word in PARTS)


def _table(caption: str, heads: Sequence[str], rows: Iterable[str]) -> str:
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    return f'<div class="wide"><table>{told}<thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _cells(stage: Mapping[str, Any]) -> str:
    cells = []
    for word in PARTS:
        low, high = stage[f"{word}_between_ms"] or (None, None)
        between = f'<span class="soft">{figure(low)} … {figure(high)}</span>' if stage["n"] else ""
        cells.append(f"<td>{quantile(stage, word)} {between}</td>")
    return "".join(cells)


def _stage_row(name: str, stages: Mapping[str, Any]) -> str:
    stage = stages[name]
    return f"<tr><td>{NAMES[name]}</td><td>{stage['n']:,}</td><td>{stage['never']:,}</td>{_cells(stage)}</tr>"


def _check_row(check: Check) -> str:
    hint = f'<br><span class="soft">→ {escape(check.hint)}</span>' if check.hint else ""
    sign = f'<td class="{check.level.value}">{SIGNS[check.level]}</td>'
    name = f'<code class="soft">{escape(check.name)}</code>'
    return f'<tr>{sign}<td class="say">{name}<br>{escape(check.reason)}{hint}</td></tr>'


def _group(by: str, rows: Sequence[Mapping[str, Any]]) -> str:
    if len(rows) < 2 and by != "variant":
        return ""
    cells = (
        f"<tr><td>{escape(row['value'] or 'none')}</td><td>{row['turns']:,}</td><td>{row['silent']:,}</td>"
        f"{_cells(row['stages']['ttfa'])}<td>{figure(row['stages']['first_tts']['p95_ms'])}</td></tr>"
        for row in rows
    )
    heads = (by, "turns", "silent", *(f"first sound {word}" for word in _heads()), "first speech P95")
    return _table(f"By {by}", heads, cells)


def _silent(turns: Sequence[str]) -> str:
    if not turns:
        return ""
    return (
        f"<p>The latest that failed without a sound: {', '.join(f'<code>{escape(turn)}</code>' for turn in turns)}</p>"
    )


def _slowest(turns: Sequence[Mapping[str, Any]]) -> str:
    rows = (
        f"<tr><td><code>{escape(turn['turn'])}</code></td><td>{escape(turn['variant'])}</td>"
        f"<td>{escape(turn['provider'] or 'none')}</td><td>{escape(turn['outcome'])}</td>"
        + "".join(f"<td>{figure(turn['stages'].get(name))}</td>" for name in NAMES)
        + "</tr>"
        for turn in turns
    )
    return _table("", ("turn", "variant", "provider", "end", *NAMES.values()), rows)
