"""The report of an incident: figures from records, and the words of others made harmless."""

import xml.etree.ElementTree as ET
from typing import Any

from segue.operations import document, postmortem
from segue.operations.postmortem import Record, Turns

INCIDENT: dict[str, Any] = {
    "id": "INC-20261121-1",
    "at": 1060.0,
    "began_at": 1000.0,
    "mitigated_at": 1600.0,
    "closed_at": None,
    "title": "Speech <script>alert(1)</script> is | late",
    "severity": "high",
    "state": "mitigated",
    "opened_by": "olha",
    "commander": "ivan",
    "services": ["voice"],
    "cause": "",
    "rollback_level": 1,
    "rollback_target": "settings 3",
    "rollouts": [],
    "evidence": [],
    "notes": [{"at": 1100.0, "by": "olha", "text": "a | b\nc"}],
    "tasks": [],
    "escalation": [{"who": "lead", "at": 1060.0, "due": True}, {"who": "head", "at": 2860.0, "due": False}],
}


def turn(at: float, **changes: Any) -> dict[str, Any]:
    """A record of a turn, as the API tells it."""
    plain = {"kind": "chat", "at": at, "outcome": "completed", "listener": f"l{at}", "variant": "baseline"}
    return plain | {"language": "en", "substituted": False, "first_choice": "espeak", "attempts": []} | changes


def test_figures_are_those_of_the_time() -> None:
    """Turns outside of the span and probes do not count; bad, substituted and rerouted ones are counted apart."""
    other = [{"provider": "espeak"}, {"provider": "piper"}]
    found = postmortem.counted(
        [
            turn(999.0, outcome="failed"),
            turn(1001.0),
            turn(1002.0, outcome="failed", listener="x"),
            turn(1003.0, outcome="refused", listener="x"),
            turn(1004.0, substituted=True, attempts=other),
            turn(1005.0, kind="probe", outcome="failed"),
            turn(1601.0, outcome="failed"),
        ],
        1000.0,
        1600.0,
    )
    assert (found.count, found.bad, found.substituted, found.elsewhere) == (4, 2, 1, 1)
    assert (found.listeners, found.affected) == (3, 2)


def test_words_of_others_stay_words() -> None:
    """HTML in a title is shown as text, and a stroke or a new line breaks no table."""
    title, blocks = postmortem.report(Record(INCIDENT, Turns()), 2000.0)
    html, text = document.page(title, blocks), document.markdown(title, blocks)
    assert "<script>" not in html
    assert "<script>" not in text
    assert "a \\| b c" in text


def test_what_nobody_knows_is_left_open() -> None:
    """Cause, lessons and tasks that no record knows name who fills them in; nothing is on record is told, too."""
    title, blocks = postmortem.report(Record(INCIDENT, Turns(), missing=["turns: gone"]), 2000.0)
    text = document.markdown(title, blocks)
    assert text.count("To be filled in by ivan") == 6
    assert "No turn is on record" in text
    assert "turns: gone" in text


def test_a_check_counts_only_after_listeners_ceased_to_suffer() -> None:
    """A report that passed before listeners ceased to suffer proves nothing."""
    done = [
        {"command": "verify", "outcome": "pass", "at": 1500.0, "by": "olha", "digest": "ab" * 32},
        {"command": "canary", "outcome": "pass", "at": 1700.0, "by": "olha", "digest": "cd" * 32},
        {"command": "monitor", "outcome": "fail", "at": 1700.0, "by": "olha", "digest": "ef" * 32},
    ]
    title, blocks = postmortem.report(Record(INCIDENT, Turns(), operations=done), 2000.0)
    text = document.markdown(title, blocks)
    assert "- [x] segue canary" in text
    assert "- [ ] segue verify" in text
    assert "- [ ] segue monitor" in text


def test_the_plot_is_a_drawing_with_a_name() -> None:
    """The bars are well-formed SVG whose label says in words what they show."""
    drawn = postmortem.plot([(1000.0, True), (1001.0, False), (1600.0, False)], 1000.0, 1600.0)
    root = ET.fromstring(drawn.svg)  # noqa: S314 - our own
    assert "2 well, 1 failed" in root.attrib["aria-label"]
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == 3
