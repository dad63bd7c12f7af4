"""What the journal of a run says: which steps are done, which was begun, and what is next."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Word(StrEnum):
    """What an entry of the journal tells."""

    RUN = "run"
    """The first: the runbook as it is run, and for whom."""
    BEGIN = "begin"
    """A step is about to be done; `before` is how things stood."""
    DONE = "done"
    FAILED = "failed"
    UNCLEAR = "unclear"
    """It is neither done nor not; somebody must look."""
    UNDO = "undo"
    """A step is about to be taken back."""
    UNDONE = "undone"
    KEPT = "kept"
    """Something measured, such as the baseline."""
    END = "end"
    """The last: `outcome` is done, undone, failed or abandoned."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a journal. `at_us` is in Unix microseconds."""

    word: Word
    at_us: int
    step: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """It as a line of JSON."""
        plain = {"word": self.word.value, "at_us": self.at_us, "step": self.step, "values": dict(self.values)}
        return json.dumps(plain, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Course:
    """How far a run has come."""

    before: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """How things stood before each step that was begun."""
    done: tuple[str, ...] = ()
    begun: str = ""
    """The step that was begun and of which nobody knows how it ended."""
    undone: tuple[str, ...] = ()
    undoing: bool = False
    failed: str = ""
    unclear: bool = False
    """Whether nobody can tell if the failed step was done."""
    reason: str = ""
    outcome: str = ""
    """Empty while the run is not at its end."""
    took_ms: Mapping[str, float] = field(default_factory=dict)


def entries(text: str) -> tuple[Entry, ...]:
    """The entries of a journal. A last line that was cut by a crash is left out.

    Raises:
        ValueError: another line is none of a journal.
    """
    lines = text.split("\n")
    found = []
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line feed was never finished
        try:
            plain = json.loads(line)
            found.append(Entry(Word(plain["word"]), plain["at_us"], plain["step"], plain["values"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number} is no entry of a journal") from error
    return tuple(found)


def course(told: Iterable[Entry]) -> Course:
    """How far a run has come, by its journal."""
    before: dict[str, Mapping[str, Any]] = {}
    took: dict[str, float] = {}
    done: list[str] = []
    undone: list[str] = []
    begun = failed = reason = outcome = ""
    undoing = unclear = False
    for entry in told:
        match entry.word:
            case Word.BEGIN:
                before.setdefault(entry.step, entry.values["before"])
                begun, failed, reason, unclear = entry.step, "", "", False
            case Word.DONE:
                begun, failed, reason, unclear = "", "", "", False
                done.append(entry.step)
                took[entry.step] = entry.values["took_ms"]
            case Word.FAILED | Word.UNCLEAR:
                failed, reason = entry.step, entry.values["reason"]
                unclear = entry.word is Word.UNCLEAR
            case Word.UNDO:
                undoing = True
            case Word.UNDONE:
                undone.append(entry.step)
            case Word.END:
                outcome = entry.values["outcome"]
    return Course(before, tuple(done), begun, tuple(undone), undoing, failed, unclear, reason, outcome, took)


def to_undo(now: Course, order: Sequence[str]) -> tuple[str, ...]:
    """The steps that are to be taken back, the last first: all that were begun and are not taken back yet."""
    begun = set(now.before) - set(now.undone)
    return tuple(step for step in reversed(order) if step in begun)


def usual_ms(runs: Iterable[Course], step: str) -> float | None:
    """How long a step took in the middle of earlier runs; None where it was never done."""
    took = sorted(run.took_ms[step] for run in runs if step in run.took_ms)
    return took[len(took) // 2] if took else None
