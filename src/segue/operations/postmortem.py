"""The report of an incident, filled from what is on record; what no record knows says who has to fill it in.

No text of a message is in it: records of turns have none. Values only.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from segue.operations.document import Block, Heading, Items, Plot, Rows

BAD = ("failed", "refused")
"""Outcomes of turns that listeners suffered from."""
CHECKS = ("validate", "verify", "canary", "monitor", "preflight", "latency-audit")
"""Commands whose reports show that things are well again."""
WIDTH, HEIGHT, LEFT = 720, 120, 40
"""The plot, in pixels."""
BARS = 60


@dataclass(frozen=True, slots=True)
class Turns:
    """What became of the turns in a span of time. Moments are Unix seconds."""

    count: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    bad: int = 0
    """Turns that failed or were refused."""
    substituted: int = 0
    """Turns in which another voice spoke than was asked for."""
    elsewhere: int = 0
    """Turns in which a synthesizer other than the first choice was asked."""
    listeners: int = 0
    affected: int = 0
    """Listeners with at least one bad or substituted turn."""
    variants: Mapping[str, int] = field(default_factory=dict)
    languages: Mapping[str, int] = field(default_factory=dict)
    moments: tuple[tuple[float, bool], ...] = ()
    """When each turn began, and whether it was bad."""
    whole: bool = True
    """Whether all turns of the span were read."""


@dataclass(frozen=True, slots=True)
class Record:
    """What is on record of an incident: values as the API tells them."""

    incident: Mapping[str, Any]
    turns: Turns
    decisions: Sequence[Mapping[str, Any]] = ()
    entries: Sequence[Mapping[str, Any]] = ()
    operations: Sequence[Mapping[str, Any]] = ()
    missing: Sequence[str] = ()
    """What could not be read, and why."""


def counted(records: Iterable[Mapping[str, Any]], since: float, until: float, *, whole: bool = True) -> Turns:
    """What became of the turns in a span; probes, by which operators try how it sounds, do not count."""
    found = [each for each in records if each["kind"] != "probe" and since <= each["at"] <= until]
    bad = [each for each in found if each["outcome"] in BAD]
    other = [each for each in found if each.get("substituted")]
    hurt = {each["listener"] for each in [*bad, *other] if each["listener"]}
    return Turns(
        count=len(found),
        outcomes=dict(Counter(each["outcome"] for each in found)),
        bad=len(bad),
        substituted=len(other),
        elsewhere=sum(_elsewhere(each) for each in found),
        listeners=len({each["listener"] for each in found if each["listener"]}),
        affected=len(hurt),
        variants=dict(Counter(each["variant"] for each in bad)),
        languages=dict(Counter(each["language"] for each in bad)),
        moments=tuple(sorted((each["at"], each["outcome"] in BAD) for each in found)),
        whole=whole,
    )


def _elsewhere(record: Mapping[str, Any]) -> bool:
    first = record.get("first_choice")
    return bool(first) and any(attempt.get("provider") != first for attempt in record.get("attempts", ()))


def report(record: Record, now: float) -> tuple[str, list[Block]]:
    """The title and the blocks of a report that is written now (Unix seconds)."""
    incident = record.incident
    blocks = [
        *_details(incident, now),
        *_impact(record.turns, incident, now),
        *_course(record),
        *_cause(incident),
        *_verified(record),
        *_learned(incident),
    ]
    if record.missing:
        blocks += [Heading("What could not be read"), Items(tuple(record.missing))]
    return f"{incident['id']}: {incident['title']}", blocks


def span(incident: Mapping[str, Any], now: float) -> tuple[float, float]:
    """From when to when listeners suffered, as far as known."""
    return float(incident["began_at"]), float(incident["mitigated_at"] or incident["closed_at"] or now)


def open_for(who: str) -> str:
    """The words for what no record knows."""
    return f"**To be filled in by {who}.**"


def _details(incident: Mapping[str, Any], now: float) -> list[Block]:
    since, until = span(incident, now)
    ended = _time(until) if incident["mitigated_at"] or incident["closed_at"] else "it goes on"
    items = (
        f"Date: {_time(since)[:10]}",
        f"Duration: {_time(since)} to {ended}, {_lasting(until - since)}",
        f"Severity: {incident['severity']}",
        f"State: {incident['state']}",
        f"Services affected: {', '.join(incident['services']) or open_for(_leader(incident))}",
        f"Commander: {_leader(incident)}; opened by {incident['opened_by']}",
        f"Rollouts: {', '.join(incident['rollouts']) or 'none named'}",
        f"Evidence: {', '.join(incident['evidence']) or 'none named; what is on record is in the timeline'}",
    )
    due = tuple(
        (each["who"], _time(each["at"]), "had to be told" if each["due"] else "not yet, or not needed")
        for each in incident["escalation"]
    )
    return [Heading("Incident details"), Items(items), Heading("Escalation"), Rows(("who", "from", "by now"), due)]


def _impact(turns: Turns, incident: Mapping[str, Any], now: float) -> list[Block]:
    if not turns.count:
        return [
            Heading("Impact"),
            Items(("No turn is on record in this time: that is no proof that nobody suffered.",)),
        ]
    share = turns.bad / turns.count
    items = [
        f"Turns: {turns.count}; {_shares(turns.outcomes, turns.count)}",
        f"Failed or refused: {turns.bad} ({share:.1%})",
        f"Spoken with another voice than asked for: {turns.substituted} ({turns.substituted / turns.count:.1%})",
        f"Needed a synthesizer after the first choice: {turns.elsewhere} ({turns.elsewhere / turns.count:.1%})",
        f"Listeners: {turns.listeners}, of whom {turns.affected} were affected",
    ]
    if turns.bad:
        items.append(f"Bad turns by variant: {_shares(turns.variants, turns.bad)}")
        items.append(f"Bad turns by language: {_shares(turns.languages, turns.bad)}")
    if not turns.whole:
        items.append("There were more turns than were read: the figures are of the newest ones.")
    since, until = span(incident, now)
    return [Heading("Impact"), Items(tuple(items)), plot(turns.moments, since, until)]


def plot(moments: Sequence[tuple[float, bool]], since: float, until: float) -> Plot:
    """Turns over time as bars, the bad part of each filled."""
    width_s = max(until - since, 1.0) / BARS
    good, bad = [0] * BARS, [0] * BARS
    for at, is_bad in moments:
        (bad if is_bad else good)[min(int((at - since) / width_s), BARS - 1)] += 1
    most = max(1, *(a + b for a, b in zip(good, bad, strict=True)))
    step = (WIDTH - LEFT) / BARS
    bars = []
    for number, (fine, failed) in enumerate(zip(good, bad, strict=True)):
        x, low = LEFT + number * step, HEIGHT - 20
        for count, below, colour in ((failed, 0, "bad"), (fine, failed, "a")):
            tall = count / most * (HEIGHT - 30)
            top = low - below / most * (HEIGHT - 30) - tall
            if count:
                place = f'x="{x:.1f}" y="{top:.1f}" width="{step * 0.8:.1f}" height="{tall:.1f}"'
                bars.append(f'<rect {place} fill="var(--{colour})"/>')
    sentence = f"Turns from {_time(since)} to {_time(until)}: {sum(good)} well, {sum(bad)} failed or refused."
    labels = (
        f'<text x="0" y="14">{most}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 4}">{_time(since)[11:19]}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 4}" text-anchor="end">{_time(until)[11:19]}</text>'
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{sentence}">'
        f"{''.join(bars)}{labels}</svg>"
    )
    return Plot(svg, sentence)


def _course(record: Record) -> list[Block]:
    """Everything with a moment, in one order: notes, decisions, deeds, reports."""
    incident = record.incident
    rows: list[tuple[float, str, str, str]] = [(incident["at"], incident["opened_by"], "opened", incident["title"])]
    ends = (("mitigated", incident["mitigated_at"]), ("closed", incident["closed_at"]))
    rows += [(at, _leader(incident), state, "") for state, at in ends if at]
    rows += [(note["at"], note["by"], "note", note["text"]) for note in incident["notes"]]
    rows += [
        (each["at"], str(each.get("actor", "controller")), f"decision: {each['kind']}", str(each.get("reason", "")))
        for each in record.decisions
    ]
    rows += [
        (each["at"], each["actor"], each["action"], f"{each['target']} {each['status']} (entry {each['seq']})")
        for each in record.entries
        if not each["action"].startswith(("audit.", "incident."))
    ]
    rows += [
        (each["at"], each["by"], f"segue {each['command']}", f"{each['outcome']}, evidence {each['digest'][:12]}")
        for each in record.operations
    ]
    told = tuple((_time(at), who, what, said) for at, who, what, said in sorted(rows))
    return [Heading("Timeline"), Rows(("when (UTC)", "who", "what", "said"), told)]


def _cause(incident: Mapping[str, Any]) -> list[Block]:
    level = incident["rollback_level"]
    words = {0: "nothing was rolled back", 1: "1, configuration", 2: "2, code", 3: "3, system"}
    took = incident["mitigated_at"] - incident["at"] if incident["mitigated_at"] else None
    items = (
        f"Rollback level: {words[level]}",
        f"Rollback target: {incident['rollback_target'] or ('none' if not level else open_for(_leader(incident)))}",
        f"From opening until it was mitigated: {_lasting(took) if took is not None else 'it is not mitigated'}",
        f"Issues encountered: {open_for(_leader(incident))}",
    )
    cause = incident["cause"] or open_for(_leader(incident))
    return [Heading("Root cause"), Items((cause,)), Heading("Rollback process"), Items(items)]


def _verified(record: Record) -> list[Block]:
    """Which checks were run after it was mitigated, and passed; what was not run has an open box."""
    after = record.incident["mitigated_at"] or record.incident["closed_at"]
    done: dict[str, str] = {}
    for each in record.operations:
        if after and each["at"] >= after and each["outcome"] == "pass":
            done[each["command"]] = f"passed at {_time(each['at'])}, evidence {each['digest'][:12]}"
    items = tuple(f"segue {name}: {done.get(name, 'not on record since it was mitigated')}" for name in CHECKS)
    return [Heading("Resolution verification"), Items(items, tuple(name in done for name in CHECKS))]


def _learned(incident: Mapping[str, Any]) -> list[Block]:
    leader = _leader(incident)
    lessons = ("What went well", "What could be improved", "How it is prevented")
    tasks = tuple((task["text"], task["owner"], task["due"]) for task in incident["tasks"])
    blocks: list[Block] = [Heading("Lessons learned"), Items(tuple(f"{each}: {open_for(leader)}" for each in lessons))]
    blocks += [Heading("Action items")]
    blocks += [Rows(("what", "owner", "due"), tasks)] if tasks else [Items((open_for(leader),))]
    return blocks


def _leader(incident: Mapping[str, Any]) -> str:
    return str(incident["commander"] or incident["opened_by"])


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def _lasting(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _shares(counts: Mapping[str, int], whole: int) -> str:
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{name} {count} ({count / whole:.1%})" for name, count in ordered)
