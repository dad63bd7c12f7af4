"""The plots: how often each rule rolls back a healthy candidate, how soon a slow one, and what evidence looks like."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gates.drawn import Truth
from benchmarks.gates.goals import cell
from benchmarks.gates.summary import by_rule, rolled_back
from benchmarks.plot import FAINT, GOOD, INK, WARN

SHOWN = tuple(
    ("G5", cell("evidence", name, Truth("iid", 2.5, multiple), part=0.02, others=False, curves=20))
    for name, multiple in (("0.95T", 0.95), ("1.1T", 1.1), ("1.3T", 1.3))
)
"""Cells of which only curves are wanted, with the goal that they are run with."""
_WORLDS = {
    "no weather": "G1/iid 2.5/s",
    "slow minutes": "G1/slow1 2.5/s",
    "slow bursts": "G2/slow5 2.5/s, block from a replay",
    "wandering": "G2/ar 2.5/s, block from a replay",
}
_SOON = {"healthy (0.95T)": "G1/iid 0.25/s", "twice too slow (2T)": "G4/2T 0.25/s"}
_COLORS = {
    "ours": GOOD,
    "naive": WARN,
    "naive, guarded": "#e39a86",
    "flagger": INK,
    "flagger, guarded": "#7d858f",
    "argo": "#3b6fb6",
    "argo, guarded": "#9db8dd",
}
_NAMES = {
    "ours": "Segue",
    "naive": "p95 of five minutes",
    "naive, guarded": "the same, guarded",
    "flagger": "Flagger's loop",
    "flagger, guarded": "the same, guarded",
    "argo": "Argo's analysis",
    "argo, guarded": "the same, guarded",
}
Results = Mapping[str, Any]


def shown(results: Results) -> dict[str, Any]:
    """What the plots need of the results: each part only where its cells were run."""
    found: dict[str, Any] = {}
    if all(name in results for name in _WORLDS.values()):
        found["false"] = {
            world: {"ours": rolled_back(results[name]["ours"]), **by_rule(results[name], rolled_back)}
            for world, name in _WORLDS.items()
        }
    if all(name in results for name in _SOON.values()):
        found["soon"] = {
            truth: {rule: _by_minute(results[name][rule]["minutes"]) for rule in ("ours", "flagger", "argo")}
            for truth, name in _SOON.items()
        }
    curves = {one.name.partition("/")[2]: one.name for _, one in SHOWN if one.name in results}
    if curves:
        found["evidence"] = {truth: results[name]["ours"]["curves"] for truth, name in curves.items()}
    return found


def _by_minute(minutes: Sequence[float | None]) -> list[float]:
    """How many runs are rolled back by the end of each minute, in percent."""
    ends = [sum(at is not None and at <= minute for at in minutes) for minute in range(121)]
    return [round(100.0 * count / len(minutes), 2) for count in ends]


def draw(results: Results, path: Path, apart: Path | None = None) -> None:
    """Write the plots as SVG: side by side, and with `apart` also each into a file of its own in that folder.

    Raises:
        ImportError: matplotlib is not installed; it is among the benchmark's packages.
    """
    import matplotlib as mpl  # noqa: PLC0415 - only the benchmark's packages have it

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "segue", "font.family": "sans-serif", "font.size": 9.5, "text.color": INK})
    panels: dict[str, Callable[..., None]] = {"false": _false, "soon": _soon, "evidence": _evidence}
    there = {name: panel for name, panel in panels.items() if name in results["shown"]}
    if there:
        _write(there, results["shown"], path)
    if apart:
        apart.mkdir(parents=True, exist_ok=True)
        for name, panel in there.items():
            _write({name: panel}, results["shown"], apart / f"gates-{name}.svg")


def _write(panels: Mapping[str, Callable[..., None]], shown: Results, path: Path) -> None:
    from matplotlib import pyplot  # noqa: PLC0415 - as above

    size = (5.6 * len(panels) + (1.4 if len(panels) == 1 else 0.0), 4.2)
    figure, places = pyplot.subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False)
    for (name, panel), axes in zip(panels.items(), places[0], strict=True):
        panel(axes, shown[name])
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_axisbelow(True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _false(axes: Any, worlds: Mapping[str, Mapping[str, float]]) -> None:
    rules = [rule for rule in _COLORS if rule in next(iter(worlds.values()))]
    width = 0.8 / len(rules)
    for place, rule in enumerate(rules):
        at = [number + (place - (len(rules) - 1) / 2) * width for number in range(len(worlds))]
        heights = [world[rule] for world in worlds.values()]
        axes.bar(at, heights, width, color=_COLORS[rule], label=_NAMES[rule])
        if rule == "ours":
            axes.bar(at, [0.0] * len(at), width, color="none", label=" ")  # a column of the legend for itself
            for x, height in zip(at, heights, strict=True):
                place_of = {"xytext": (4, 3), "textcoords": "offset points", "ha": "right"}
                axes.annotate(f"{height:.2g}", (x, height), color=GOOD, **place_of)
    axes.set_xticks(range(len(worlds)), list(worlds))
    axes.set_ylim(0, 132)
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.grid(visible=True, axis="y", color="#e4e7ea", linewidth=0.8)
    axes.set_title("A healthy candidate (p95 at 0.95 of the limit), two hours", loc="left", fontsize=10.5)
    axes.set_ylabel("rolled back, %")
    axes.legend(frameon=False, loc="upper center", ncols=4, labelcolor=FAINT, fontsize=7.5, columnspacing=1.0)


def _soon(axes: Any, truths: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    for truth, style in zip(truths, ("--", "-"), strict=True):
        for rule, shares in truths[truth].items():
            label = _NAMES[rule] if style == "-" else None
            axes.step(
                range(len(shares)),
                shares,
                where="post",
                color=_COLORS[rule],
                linestyle=style,
                linewidth=1.6,
                label=label,
            )
    axes.plot([], [], color=FAINT, label="a candidate twice too slow")
    axes.plot([], [], color=FAINT, linestyle="--", label="a healthy one")
    axes.set_xlim(0, 60)
    axes.set_ylim(-2, 104)
    axes.grid(visible=True, color="#e4e7ea", linewidth=0.8)
    axes.set_title("When each rule rolls back, 15 turns a minute", loc="left", fontsize=10.5)
    axes.set_xlabel("minutes")
    axes.set_ylabel("rolled back by then, %")
    axes.legend(frameon=False, loc="upper right", bbox_to_anchor=(1.0, 0.93), labelcolor=FAINT, fontsize=8)


def _evidence(axes: Any, truths: Mapping[str, Sequence[Sequence[float]]]) -> None:
    for (truth, curves), color in zip(truths.items(), (GOOD, "#c99a2e", WARN), strict=True):
        for number, curve in enumerate(curves):
            minutes = range(1, len(curve) + 1)
            axes.plot(minutes, curve, color=color, linewidth=0.9, alpha=0.6, label=truth if number == 0 else None)
    axes.axhline(2.0, color=INK, linewidth=1, linestyle=":")
    axes.annotate("rolled back: evidence of 100", (118, 2.0), xytext=(0, 4), textcoords="offset points", ha="right")
    axes.set_xlim(0, 120)
    axes.set_ylim(-2.5, 2.8)
    axes.set_yticks([-2, -1, 0, 1, 2], ["0.01", "0.1", "1", "10", "100"])
    axes.grid(visible=True, color="#e4e7ea", linewidth=0.8)
    axes.set_title("Evidence against a candidate, 150 turns a minute", loc="left", fontsize=10.5)
    axes.set_xlabel("minutes")
    axes.set_ylabel("evidence that over 5 % are slow")
    axes.legend(frameon=False, loc="center right", bbox_to_anchor=(1.0, 0.58), labelcolor=FAINT, title="true p95")
