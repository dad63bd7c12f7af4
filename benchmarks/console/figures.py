"""The plots: sends a second and how soon, and how long a page takes, the deeper it lies."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

INK, FAINT, GOOD, WARN = "#1b1f24", "#8a929c", "#1f7a5c", "#c2482d"
SENDS = {
    "served": ("Segue over HTTP, durable (202)", GOOD, "-"),
    "whole": ("Segue over HTTP, with the reply", GOOD, "--"),
    "stored": ("Segue's store", INK, "-"),
    "alone": ("SQLite, one connection", WARN, "-"),
    "apart": ("SQLite, a connection each", WARN, "--"),
}


def draw(results: Mapping[str, Any], folder: Path) -> None:
    """Write the plots of the parts that are there as SVG, `console-sends.svg` and `console-pages.svg`.

    Raises:
        ImportError: matplotlib is not installed; it is among the benchmark's packages.
    """
    import matplotlib as mpl  # noqa: PLC0415 - only the benchmark's packages have it

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "segue", "font.family": "sans-serif", "font.size": 9.5, "text.color": INK})
    from matplotlib import pyplot  # noqa: PLC0415 - as above

    folder.mkdir(parents=True, exist_ok=True)
    if "sends" in results:
        shown = [name for name in ("sends", "sends_in_memory") if "ways" in results.get(name, {})]
        figure, places = pyplot.subplots(1, 1 + len(shown), figsize=(4.6 * (1 + len(shown)), 4.2), layout="constrained")
        for axes, name in zip(places, shown, strict=False):
            _rates(axes, results[name], {"sends": "on disk", "sends_in_memory": "without a disk"}[name])
        highest = max(axes.get_ylim()[1] for axes in places[:-1])
        for axes in places[:-1]:
            axes.set_ylim(min(each.get_ylim()[0] for each in places[:-1]), highest)
        _waits(places[-1], results["sends"])
        figure.legend(
            *places[0].get_legend_handles_labels(), frameon=False, ncols=len(SENDS), loc="outside lower center"
        )
        _save(figure, places, folder / "console-sends.svg")
        pyplot.close(figure)
    if "pages" in results:
        lists = results["pages"]["lists"]
        figure, places = pyplot.subplots(
            1, len(lists), figsize=(4.2 * len(lists), 3.9), layout="constrained", sharey=True
        )
        for axes, name in zip(places, lists, strict=True):
            _pages(axes, lists[name], name, results["pages"]["rows"])
        figure.legend(*places[0].get_legend_handles_labels(), frameon=False, ncols=4, loc="outside lower center")
        places[0].set_ylabel("ms for a page of 100")
        _save(figure, places, folder / "console-pages.svg")
        pyplot.close(figure)


def _save(figure: Any, places: Any, path: Path) -> None:
    for axes in places:
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(visible=True, color="#e4e7ea", linewidth=0.8)
        axes.set_axisbelow(True)
    figure.savefig(path, metadata={"Date": None})


def _rates(axes: Any, sends: Mapping[str, Any], where: str) -> None:
    counts = sends["workers"]
    for way, (label, color, style) in SENDS.items():
        rates = [sends["ways"][way][str(count)]["per_s"] for count in counts]
        axes.plot(counts, [median(each) for each in rates], color=color, linestyle=style, marker="o", label=label)
        for count, each in zip(counts, rates, strict=True):
            axes.plot([count] * len(each), each, color=color, marker="_", linestyle="none", alpha=0.6)
    _by_workers(axes, counts)
    axes.set_ylabel("messages a second")
    axes.set_title(f"Durable sends, {where}", loc="left", fontsize=10.5)


def _waits(axes: Any, sends: Mapping[str, Any]) -> None:
    counts = sends["workers"]
    for way, (_, color, style) in SENDS.items():
        for share, marker in (("p50", "o"), ("p99", "^")):
            values = [sends["ways"][way][str(count)]["ms"][share] for count in counts]
            axes.plot(counts, values, color=color, linestyle=style, marker=marker, linewidth=1, markersize=4)
    _by_workers(axes, counts)
    axes.set_ylabel("ms until it is durable")
    axes.set_title("How soon, on disk: p50 (●) and p99 (▲)", loc="left", fontsize=10.5)


def _by_workers(axes: Any, counts: list[int]) -> None:
    axes.set_xscale("log", base=2)
    _plain(axes)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.set_xlabel("senders at once")


def _plain(axes: Any) -> None:
    """A scale by powers of ten, in plain figures."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.yaxis.set_minor_formatter(lambda _value, _place: "")


def _pages(axes: Any, ways: Mapping[str, Any], name: str, rows: int) -> None:
    for way, color, label in (("cursor", GOOD, "by cursor"), ("offset", WARN, "LIMIT … OFFSET")):
        depths = [int(depth) for depth in ways[way]]
        for share, style in (("p50", "-"), ("p99", ":")):
            values = [ways[way][str(depth)]["ms"][share] for depth in depths]
            places = [max(depth, 100) for depth in depths]
            axes.plot(places, values, color=color, linestyle=style, marker="o", markersize=4, label=f"{label}, {share}")
    axes.set_xscale("log")
    axes.set_xlabel("rows before the page")
    axes.set_xticks(places, ["0", *(f"{depth:,}" for depth in depths[1:])], fontsize=8)
    axes.minorticks_off()
    _plain(axes)
    axes.set_title(f"{name}, {rows:,} rows", loc="left", fontsize=10.5)
