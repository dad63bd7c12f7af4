"""Prints the page of what was done to Segue and what became of it, from the kept results of a full run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from docs.printers.markdown import NONE, page, table

RESULTS = Path(__file__).resolve().parents[2] / "tests" / "faults" / "results" / "full.json"

_OPENING = """
What happens to a listener when a provider fails? This page shows it, fault by fault. It was not written by hand: it is
the printed result of a run in which a real Segue process stands before servers that speak OpenAI's protocol and fail
as they are told. Every line rests on three things: what the callers got, what the failing servers logged, and what
Segue's own records say. After every fault a healthy reply must come through whole, and every provider must be in use
again.

To see it for yourself:

    python -m tests.faults --full            everything, with the limits that Segue is shipped with
    python -m tests.faults --only cut        only some of it, quickly
    make test                                all of it with short limits and fewer draws, as a part of the tests
"""
_READING = """
Speech is made of tones, a word each, and is listened to with a filter for each tone. So “the whole reply” means: every
word of every sentence was heard, in order, from the first to the last, and each sentence is as long as it should be
within a fifth; only a sentence that another voice finished may be longer, by the words that it repeats. In writing it
means that the text is the reply, letter by letter.

**Servers were asked** counts the requests of all runs of a line, by the servers' own logs, and with them those by
which providers that had been left alone were tried out. Of the models `primary` is the first choice and `backup` the
second, `lonely` has no other beside it; the synthesizers are `first` and `second`, the recognizers `hearer` and
`listener`. **Longest wait** is the longest that a caller waited for the next thing to
come, beside the time limit that bounds it, where one does. A limit may be exceeded by {grace_s:g} s at most, for the
other provider has to begin too.
"""
_TITLES = {
    "models": (
        "Language models",
        "Each fault strikes callers on three doors, at the same time unless only the first call fails: a listener of "
        "`POST /api/voice/chat/stream`, and readers of `POST /v1/chat/completions` with and without `stream`. The "
        "reply has ten sentences of six tokens; `first`, `middle` and `last` say in which sentence it strikes. "
        "“Resumed” is what the listener is told where the other model goes on in the middle.",
    ),
    "synthesizers": (
        "Synthesizers",
        "Each fault strikes one sentence of a reply of five, over HTTP. A failure that is told by its status, by its "
        "body or by its sound is the same to the listener: somebody else speaks the sentence, or finishes it.",
    ),
    "recognizers": (
        "Recognizers",
        "Each fault strikes a recording sent to `POST /v1/audio/transcriptions` and one sent to `POST /api/voice/stt`.",
    ),
    "outages": (
        "A minute of outage",
        "In real time, with the breaker as it is shipped. A request every four seconds goes to a model whose server is "
        "dead for the first minute.",
    ),
    "storms": (
        "Storms, and nobody left",
        "A server that always fails must not be drowned in repeats; and where no server can speak, the synthesizer "
        "that needs none does. Here the breaker is switched off, so that the retry budget works alone.",
    ),
}
_DIFFERENT = """
Time limits are those that Segue is shipped with, but for recordings: {recognition_s:g} s instead of 60 s. The breaker
rests for 0.2 s instead of 60 s in the first three tables, because hundreds of faults follow each other there; it has a
table of its own. For the same reason every failed call may be repeated there, while the retry budget has a table of
its own. Nothing is cached.
"""


def faults_page(note: str) -> str:
    """The tables, and in how many runs everything held.

    Raises:
        LookupError: there are results of a group that this page has no words for.
    """
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    scenarios: Sequence[Mapping[str, Any]] = kept["scenarios"]
    unknown = {scenario["group"] for scenario in scenarios} - set(_TITLES)
    if unknown:
        raise LookupError(f"no words for {', '.join(sorted(unknown))}")
    parts = [
        page(f"## {title}", words, _table([each for each in scenarios if each["group"] == group]))
        for group, (title, words) in _TITLES.items()
    ]
    return page(
        "# Faults",
        note,
        _OPENING,
        f"**{_sum(scenarios)}**",
        "## How to read it",
        _READING.format(**kept["terms"]),
        *parts,
        "## What is not as shipped",
        _DIFFERENT.format(**kept["terms"]),
    )


def _sum(scenarios: Sequence[Mapping[str, Any]]) -> str:
    held, runs = sum(scenario["passed"] for scenario in scenarios), sum(scenario["runs"] for scenario in scenarios)
    return f"{held} of {len(scenarios)} scenarios held, in {runs:,} runs."


def _table(scenarios: Sequence[Mapping[str, Any]]) -> str:
    head = ["what goes wrong", "where", "runs", "what callers got", "servers were asked", "recorded as"]
    head += ["limit", "longest wait", "held"]
    return table(head, map(_row, scenarios))


def _row(scenario: Mapping[str, Any]) -> Sequence[str]:
    limit_s, flaws = scenario["limit_s"], scenario["wrong"]
    return (
        scenario["title"],
        scenario["where"] or NONE,
        f"{scenario['runs']:,}",
        "; ".join(_together(scenario["got"])),
        ", ".join(f"{name} {count:,}" for name, count in sorted(scenario["asked"].items())),
        ", ".join(scenario["told"]) or NONE,
        NONE if limit_s is None else f"{limit_s:g} s",
        f"{scenario['took_s']:.2f} s" if scenario["took_s"] else NONE,
        "yes" if scenario["passed"] else f"**no**: {flaws[0]}",
    )


def _together(got: Sequence[str]) -> Sequence[str]:
    """What callers got, with the doors that got the same named together."""
    doors: dict[str, list[str]] = {}
    for told in got:
        door, _, what = told.rpartition(": ") if ": " in told else ("", "", told)
        doors.setdefault(what, []).append(door)
    return [f"{', '.join(filter(None, sorted(names)))}: {what}".lstrip(": ") for what, names in doors.items()]
