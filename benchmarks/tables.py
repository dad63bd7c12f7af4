"""The figures of `first_audio` as tables for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", overflow="fold")
    return table


def show(results: Mapping[str, Any], console: Console) -> None:
    """The figures, for people."""
    console.print(f"{results['machine']['cpu']}, {results['machine']['cores']} cores, {results['versions']['commit']}")
    if "overhead" in results:
        _show_overhead(results["overhead"], console)
    if "listeners" in results:
        _show_listeners(results["listeners"], console)
    if "early" in results:
        _show_early(results["early"], console)
    if "chain" in results:
        _show_chain(results["chain"], console)
    if "hedge" in results:
        _show_hedge(results["hedge"], console)
    for name, title, key in (("faults", "Speech that misbehaves", "profiles"), ("carriers", "Carriers", "ways")):
        if name in results:
            _show_plain(title, results[name][key], console)


def _show_overhead(overhead: Mapping[str, Any], console: Console) -> None:
    runs = overhead["runs"]
    table = _table("Time to first audible audio, ms", "", "n", "p50", "p95", "p99", "max")
    names = {
        "overhead_ms": "added by the gateway",
        "ttfa_ms": "Segue",
        "inside_ms": "of it inside Segue",
        "direct_ttfa_ms": "providers called directly",
        "canned_ttfa_ms": "canned answers: the measuring itself",
    }
    lines = {**overhead["median_of_runs"], "canned_ttfa_ms": overhead["canned_ttfa_ms"]}
    for key, label in names.items():
        line = lines[key]
        table.add_row(label, str(line["n"]), *(f"{line[name]:.2f}" for name in ("p50", "p95", "p99", "max")))
    console.print(table)
    in_flight = ", ".join(f"{run['client']['in_flight']:.0f}" for run in runs)
    console.print(
        f"Medians of {len(runs)} runs, {in_flight} turns in flight; first turn of the process: "
        f"{overhead['warm_up']['first_turn_ttfa_ms']:.1f} ms"
    )
    _show_disturbances("Overhead", runs, console)


def _show_disturbances(what: str, runs: Sequence[Mapping[str, Any]], console: Console) -> None:
    count = sum(run["client"]["disturbed"] for run in runs)
    if count:
        console.print(
            f"{what}: in {count} of {len(runs)} runs the load generator itself was late, because something else used "
            "its core. Their tails say nothing about Segue; measure again on a quiet machine."
        )


def _show_listeners(listeners: Mapping[str, Any], console: Console) -> None:
    table = _table(
        "Listeners at normal speed, gateway on one core",
        *("listeners", "turns", "with underflow", "ms/min", "TTFA p50", "p99"),
        *("core in use", "CPU ms per s heard", "KiB each"),
    )
    for step in listeners["steps"]:
        table.add_row(
            str(step["listeners"]),
            str(step["turns"]),
            str(step["turns_with_underflow"]),
            f"{step['underflow_ms_per_minute']:.1f}",
            f"{step['ttfa_ms']['p50']:.1f}",
            f"{step['ttfa_ms']['p99']:.1f}",
            f"{step['gateway_cpu_share']:.0%}",
            f"{step['cpu_ms_per_listener_s']:.2f}",
            f"{step['rss_kib_per_listener']:.0f}",
        )
    console.print(table)
    console.print(f"Most without one underflow: {listeners['most_without_underflow']}")
    _show_disturbances("Listeners", listeners["steps"], console)


def _show_early(early: Mapping[str, Any], console: Console) -> None:
    table = _table("First sound", "", "TTFA p50, ms", "p95", "times Segue's", "underflow a turn, ms")
    names = {
        "segue": "Segue, over HTTP",
        "livekit": "LiveKit StreamAdapter, in process",
        "serial": "sentence by sentence, no look-ahead, in process",
        "whole": "whole reply, then speech, in process",
    }
    for key, label in names.items():
        if key in early["ways"]:
            way = early["ways"][key]
            firsts = [f"{way['ttfa_ms'][share]:.0f}" for share in ("p50", "p95")]
            table.add_row(label, *firsts, f"{way['ttfa_ratio']:.2f}", f"{way['underflow_ms_per_turn']:.0f}")
    console.print(table)
    before, turns = early["turns_audible_before_second_sentence"], early["turns"]
    sooner = early["first_audible_sooner_than_that_ms"]["p50"]
    console.print(
        f"Audible before the model finished its second sentence: {before} of {turns}, by {sooner:.0f} ms (p50)"
    )


def _show_chain(chain: Mapping[str, Any], console: Console) -> None:
    turn = chain["turn"]
    console.print(
        f"Three providers against one, TTFA of a whole turn: {chain['ttfa_three_to_one']['p50']:.3f} times at p50, "
        f"{turn['ttfa_added_ms']['p50']:+.3f} ms ({turn['one']['ttfa_ms']['p50']:.2f} to "
        f"{turn['three']['ttfa_ms']['p50']:.2f} ms, {turn['one']['ttfa_ms']['n']} turns each)"
    )
    title = "Added by a chain whose first provider is well, µs"
    table = _table(title, "", "pairs", "first piece p50", "p95", "p99", "each further, p50", "p99")
    arms = {what: chain[what] for what in ("sentence", "reply")}
    arms |= {f"{what} after a pause": chain["with_pauses"][what] for what in ("sentence", "reply")}
    for what, ways in arms.items():
        for name, arm in ways.items():
            if name != "direct":
                first, further = arm["first_added_us"], arm["further_added_us"]
                firsts = [f"{first[share]:.0f}" for share in ("p50", "p95", "p99")]
                furthers = [f"{further[share]:.1f}" for share in ("p50", "p99")]
                table.add_row(f"{what}, chain of {name}", str(first["n"]), *firsts, *furthers)
    console.print(table)


def _show_hedge(hedge: Mapping[str, Any], console: Console) -> None:
    ratios = ", ".join(f"{ratio:.2f} at {name}" for name, ratio in hedge["ttfa_with_to_without"].items())
    console.print(f"TTFA with a hedge after {hedge['sensible_ms']:g} ms against none: {ratios}")
    table = _table(
        "A synthesizer with a slow tail, another one behind it",
        *("hedge after, ms", "turns", "TTFA p50, ms", "p95", "p99", "first asked twice"),
        *("characters more", "two voices", "with underflow"),
    )
    for name, way in hedge["ways"].items():
        shares = ("first_sentences_asked_twice", "more_characters_asked_for")
        others = ("replies_with_two_voices", "turns_with_underflow")
        table.add_row(
            "none" if name == "0" else name,
            str(way["ttfa_ms"]["n"]),
            *(f"{way['ttfa_ms'][share]:.0f}" for share in ("p50", "p95", "p99")),
            *(f"{way[share]:.1%}" for share in (*shares, *others)),
        )
    console.print(table)


def _show_plain(title: str, rows: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    columns = [key for key in next(iter(rows.values())) if key != "ttfa_ms"]
    table = _table(title, "", "TTFA p50, ms", "p99", *(column.replace("_", " ") for column in columns))
    for name, row in rows.items():
        firsts = [f"{row['ttfa_ms'].get(share, float('nan')):.1f}" for share in ("p50", "p99")]
        table.add_row(name, *firsts, *(_told(row.get(key, "")) for key in columns))
    console.print(table)


def _told(value: object) -> str:
    """A figure, or counts by name."""
    if isinstance(value, Mapping):
        return ", ".join(f"{count} {name}" for name, count in value.items())
    return str(value)
