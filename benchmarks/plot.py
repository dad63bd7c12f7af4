"""The plots: what the gateway and its chains add to the first sound, listeners on a core, what a hedge gains."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

INK, FAINT, GOOD, WARN = "#1b1f24", "#8a929c", "#1f7a5c", "#c2482d"


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Write a plot as SVG: a panel for each scene in the results that has one; nothing where none has.

    Raises:
        ImportError: matplotlib is not installed; it is among the benchmark's packages.
    """
    import matplotlib as mpl  # noqa: PLC0415 - only the benchmark's packages have it

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "segue", "font.family": "sans-serif", "font.size": 9.5, "text.color": INK})
    from matplotlib import pyplot  # noqa: PLC0415 - as above

    panels = {"overhead": _overhead, "listeners": _listeners, "chain": _chain, "hedge": _hedge}
    shown = [name for name in panels if name in results]
    if not shown:
        return
    size = (5.25 * len(shown), 4.2)
    figure, places = pyplot.subplots(1, len(shown), figsize=size, layout="constrained", squeeze=False)
    for name, axes in zip(shown, places[0], strict=True):
        panels[name](axes, results[name])
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True, color="#e4e7ea", linewidth=0.8)
        axes.set_axisbelow(True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _chain(axes: Any, chain: Mapping[str, Any]) -> None:
    seldom = chain["with_pauses"]
    lines = {
        "token": (chain["reply"], "three", FAINT, "-"),
        "sentence": (chain["sentence"], "three", GOOD, "-"),
        "sentence, hedge armed": (chain["sentence"], "three, hedge armed", INK, "-"),
        "token, after a pause": (seldom["reply"], "three", FAINT, "--"),
        "sentence, after a pause": (seldom["sentence"], "three", GOOD, "--"),
    }
    for label, (arms, arm, color, style) in lines.items():
        values = [us / 1000.0 for us in arms[arm]["first_added_us_by_percent"]]
        axes.step(values, range(1, 101), where="post", color=color, linestyle=style, linewidth=1.5, label=label)
    axes.plot([1.0], [50], marker="v", color=WARN, markersize=7, linestyle="none")
    axes.annotate("goal: p50 ≤ 1 ms", (1.0, 50), xytext=(7, -3), textcoords="offset points", color=WARN)
    axes.set_xlim(0, 2)
    axes.set_ylim(0, 102)
    axes.set_title("Added to the first piece by a chain of three", loc="left", fontsize=10.5)
    axes.set_xlabel("ms more than asking the provider directly")
    axes.set_ylabel("share of calls, %")
    axes.legend(frameon=False, loc="lower right", labelcolor=FAINT)


def _hedge(axes: Any, hedge: Mapping[str, Any]) -> None:
    colors = dict(zip(hedge["ways"], (WARN, FAINT, GOOD, INK), strict=False))
    for name, way in hedge["ways"].items():
        values = sorted(ms for ms in way["ttfa_ms_of_each"] if ms is not None)
        shares = [100.0 * (len(values) - place) / len(values) for place in range(len(values))]
        twice = f"after {name} ms: {way['first_sentences_asked_twice']:.0%} asked twice" if name != "0" else "no hedge"
        axes.step(values, shares, where="post", color=colors[name], linewidth=1.5, label=twice)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([100, 200, 500, 1000, 3000], ["0.1", "0.2", "0.5", "1", "3"])
    axes.set_xticks([], minor=True)
    axes.set_yticks([100, 50, 20, 10, 5, 2, 1], ["100", "50", "20", "10", "5", "2", "1"])
    axes.set_yticks([], minor=True)
    axes.set_title("A slow tail, and a hedge of the first sentence", loc="left", fontsize=10.5)
    axes.set_xlabel("s after the request")
    axes.set_ylabel("listeners who have heard nothing yet, %")
    axes.legend(frameon=False, loc="upper right", labelcolor=FAINT)


def _overhead(axes: Any, overhead: Mapping[str, Any]) -> None:
    for index, (run, turns) in enumerate(zip(overhead["runs"], overhead["turns"], strict=True)):
        direct_ms = run["direct_ttfa_ms"]["p50"]
        at, first = turns["columns"].index("at_s"), turns["columns"].index("ttfa_ms")
        counted = [row for row in turns["rows"] if row[at] >= overhead["counted_from_s"] and row[first] is not None]
        values = sorted(row[first] - direct_ms for row in counted)
        shares = [(place + 1) / len(values) for place in range(len(values))]
        label = "each line: one run" if index == 0 else None
        axes.step(values, shares, where="post", color=GOOD, alpha=0.8, linewidth=1.5, label=label)
    for limit_ms, share, text in ((3.0, 0.5, "goal: p50 ≤ 3 ms"), (10.0, 0.99, "goal: p99 ≤ 10 ms")):
        axes.plot([limit_ms], [share], marker="v", color=WARN, markersize=7, linestyle="none")
        axes.annotate(text, (limit_ms, share), xytext=(7, -11), textcoords="offset points", color=WARN)
    axes.set_xscale("symlog", linthresh=1.0)
    ticks = [0, 1, 2, 3, 5, 10, 20, 50, 100]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.set_xlim(0, max(20.0, *(run["overhead_ms"]["max"] for run in overhead["runs"])) * 1.1)
    axes.set_ylim(0, 1.02)
    in_flight = fmean(run["client"]["in_flight"] for run in overhead["runs"])
    axes.set_title(f"Added to the first audible sound, {in_flight:.0f} turns in flight", loc="left", fontsize=10.5)
    axes.set_xlabel("ms more than calling the same providers directly")
    axes.set_ylabel("share of turns")
    axes.legend(frameon=False, loc="lower right", labelcolor=FAINT)


def _listeners(axes: Any, listeners: Mapping[str, Any]) -> None:
    steps: Sequence[Mapping[str, Any]] = listeners["steps"]
    counts = [step["listeners"] for step in steps]
    axes.plot(counts, [step["gateway_cpu_share"] * 100 for step in steps], color=FAINT, marker="o", label="core in use")
    axes.set_ylabel("core in use, %", color=FAINT)
    axes.set_ylim(0, 105)
    axes.axvline(100, color=WARN, linewidth=1, linestyle=":")
    axes.annotate("goal: 100", (100, 100), xytext=(4, -4), textcoords="offset points", color=WARN)
    twin = axes.twinx()
    hurt = [100.0 * step["turns_with_underflow"] / step["turns"] for step in steps]
    twin.bar(counts, hurt, width=10, color=WARN, alpha=0.75)
    twin.set_ylim(0, max(5.0, *hurt) * 1.15)
    twin.set_ylabel("turns with an underflow, %", color=WARN)
    twin.spines["top"].set_visible(False)
    axes.set_xlabel("listeners at normal speed, gateway on one core")
    most = listeners["most_without_underflow"]
    axes.set_title(f"{most} listeners on a core without one underflow", loc="left", fontsize=10.5)
