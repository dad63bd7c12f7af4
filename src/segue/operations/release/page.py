"""The page of a release: everything that was measured, in the order in which somebody decides by it.

It is made of a report of `segue go` and of nothing else, so that it can be made again from the evidence.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from segue.operations.release.go import CRITERIA, OWN, VERDICT
from segue.operations.report import Check, Level, Report

UNKNOWN = "not measured"
WORDS: Mapping[str, str] = {
    "pass": "holds",
    "accepted": "holds, with accepted warnings",
    "fail": "does not hold",
    "not_measured": "not measured",
}
"""How a criterion came out."""


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table. `levels` colours its rows; empty where they say nothing good or bad."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plot:
    """Points over time, and words for those who cannot see them. Points are (seconds, figure, whether it is well)."""

    title: str
    unit: str
    points: tuple[tuple[float, float, bool], ...]
    told: str


Block: TypeAlias = Words | Items | Rows | Plot


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole of it."""

    title: str
    verdict: str
    subtitle: str
    sections: tuple[Section, ...]


def page(report: Report, digest: str) -> Page:
    """The page of a report; `digest` is the SHA-256 of its bytes, by which its evidence is found."""
    facts = report.facts
    at = datetime.fromtimestamp(report.ended_us / 1e6, UTC)
    by = facts.get("prepared_by") or UNKNOWN
    sections = (
        Section("Scope and version", tuple(_scope(report, at))),
        Section("What a release needs", tuple(_needs(report))),
        Section(
            "Known limits of this deployment", (Items(tuple(facts.get("limitations", ())) or ("None is known.",)),)
        ),
        Section("Checks", tuple(_checks(report))),
        Section("Load and watch", tuple(_plots(facts))),
        Section("The way back", tuple(_way_back(facts))),
        Section("Evidence", tuple(_evidence(report, digest))),
    )
    subtitle = f"{report.target} · {at:%Y-%m-%d %H:%M} UTC · prepared by {by}"
    return Page("Release readiness", str(facts.get("verdict", UNKNOWN)), subtitle, sections)


def _scope(report: Report, at: datetime) -> Iterator[Block]:
    facts = report.facts
    services = facts.get("services", {})
    rows = [
        (name, str(each.get("version") or UNKNOWN), str(each.get("commit") or UNKNOWN))
        for name, each in services.items()
    ]
    yield Rows(("Service", "Version", "Commit"), tuple(rows))
    nodes = ", ".join(f"{each['name']} ({each['state']})" for each in facts.get("nodes", ())) or UNKNOWN
    took_s = (report.ended_us - report.began_us) / 1e6
    yield Rows(
        ("", ""),
        (
            ("Deployment target", ", ".join(facts.get("places", ())) or report.target),
            ("Nodes", nodes),
            ("Date", f"{at:%Y-%m-%d %H:%M:%S} UTC"),
            ("Prepared by", f"{facts.get('prepared_by') or UNKNOWN} ({facts.get('via') or UNKNOWN})"),
            ("Settings in force", f"digest {facts['settings'][:16]}…" if facts.get("settings") else UNKNOWN),
            ("Looking took", f"{took_s:.0f} s, of which {float(facts.get('minutes', 0.0)) * 60.0:.0f} s of watching"),
        ),
    )


def _needs(report: Report) -> Iterator[Block]:
    facts = report.facts
    words = facts.get("criteria", {})
    rows, levels = [], []
    for criterion in CRITERIA:
        word = str(words.get(criterion.name, "not_measured"))
        rows.append((criterion.name, criterion.sentence, WORDS.get(word, word)))
        levels.append({"accepted": "warn"}.get(word, word))
    yield Rows(("Criterion", "What must hold", "How it came out"), tuple(rows), tuple(levels))
    if facts.get("reasons"):
        yield Words("What speaks against it:")
        yield Items(tuple(facts["reasons"]))
    if facts.get("accepted"):
        by_name = {check.name: check for check in report.checks}
        yield Words("Warnings that were accepted by name:")
        yield Items(tuple(f"{name}: {by_name[name].reason}" for name in facts["accepted"] if name in by_name))
    if facts.get("spared"):
        yield Words("Not needed here:")
        yield Items(tuple(f"{name}: {why}" for name, why in facts["spared"].items()))


def _checks(report: Report) -> Iterator[Block]:
    own = [check for check in report.checks if check.name.startswith(OWN) and check.name != VERDICT]
    before = [check for check in report.checks if not check.name.startswith(OWN)]
    yield Words(f"Of the release itself: {_sum(own)}.")
    yield _table(own)
    yield Words(f"Of the preflight: {_sum(before)}.")
    yield _table(before)


def _table(checks: Sequence[Check]) -> Rows:
    rows = tuple((check.name, _word(check), check.reason) for check in checks)
    levels = tuple("pass" if check.accepted else check.level.value for check in checks)
    return Rows(("Check", "", "What was found"), rows, levels)


def _word(check: Check) -> str:
    return "accepted" if check.accepted else check.level.value.replace("_", " ")


def _sum(checks: Sequence[Check]) -> str:
    found = {level: sum(check.level is level for check in checks) for level in Level}
    return ", ".join(f"{count} {level.value.replace('_', ' ')}" for level, count in found.items() if count) or "none"


def _plots(facts: Mapping[str, Any]) -> Iterator[Block]:
    load, watch = facts.get("load", ()), facts.get("watch", ())
    if not load and not watch:
        yield Words("Nothing was sent.")
        return
    if load:
        refused = sum(each["status"] == 429 for each in load)
        points = tuple((each["at_s"], each["took_ms"], each["status"] != 429) for each in load)
        told = f"{len(load)} messages to one chat, {refused} of them refused by its limit (hollow)."
        yield Plot("Controlled load: time until a message was taken or refused", "ms", points, told)
    if watch:
        points = tuple((each["at_s"], each["took_ms"], each["status"] == 200) for each in watch)
        times = sorted(each["took_ms"] for each in watch)
        middle, slowest = times[len(times) // 2], times[-1]
        told = f"{len(watch)} messages: the middle one took {middle:.0f} ms, the slowest {slowest:.0f} ms."
        yield Plot("Watch: time until a message was answered whole", "ms", points, told)
        rates = tuple((each["at_s"], each["per_s"], not each["faults"]) for each in watch)
        faults = sum(each["faults"] for each in watch)
        yield Plot(
            "Watch: requests that the server counted", "a second", rates, f"{faults:.0f} of them were server faults."
        )


def _way_back(facts: Mapping[str, Any]) -> Iterator[Block]:
    took = facts.get("back_s")
    yield Rows(
        ("", ""),
        (
            ("Back to", str(facts.get("back_to") or UNKNOWN)),
            ("It takes", f"{took:.1f} s, as measured" if took is not None else UNKNOWN),
            ("Measured by", str(facts.get("back_evidence") or UNKNOWN)),
            ("How", "segue rollback --level configuration|code|system --to …"),
            ("Then", "segue go once more: health, one message once, and the audit must hold again"),
        ),
    )


def _evidence(report: Report, digest: str) -> Iterator[Block]:
    yield Words(f"The report has {len(report.checks)} checks, and the SHA-256 {digest}.")
    yield Words("Its signed file holds every figure; `segue evidence verify` says whether anybody changed it since.")
