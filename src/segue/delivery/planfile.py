"""Reads a plan from YAML 1.2, and says of everything that is wrong on which line it is and what to write instead.

plans/chirp3.yaml, line 14, gates.ttfa.at_most: 5 is no share; write it with a percent sign, for example 5%.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from segue.delivery.faults import Fault, Place, faults
from segue.delivery.plan import Plan
from segue.errors import InvalidRequest

MOST = 10
"""So many problems are told at once."""
LIMIT_CHARACTERS = 50_000
"""A longer text is refused unread: it would take seconds."""
LIMIT_DEPTH = 40
"""So many brackets may be open at once; the time to read them grows with the square of their number."""
LIMIT_VALUES = 20_000
"""So many values a plan may have, repeated ones counted each time: a small file can unfold into a huge one."""
_NOT_ALONE = ("regression", "quiet", "memory")
"""Kinds of gates that are judged for all characters together."""
_TRUTHS = ("streaming", "approval", "certify")
_NOT_TRUTHS = ("yes", "no", "on", "off", "y", "n", "true", "false", "1", "0", "t", "f")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a plan."""

    line: int | None
    """From 1; None where the plan did not come as text."""
    where: str
    """As `gates.ttfa.at_most`; empty for the whole."""
    reason: str


class PlanError(InvalidRequest):
    """The plan is wrong."""

    code = "plan"

    def __init__(self, problems: Sequence[Problem], name: str = "") -> None:
        self.problems = tuple(problems)
        lines = [_told(problem, name) for problem in self.problems[:MOST]]
        more = len(self.problems) - len(lines)
        super().__init__("\n".join([*lines, f"… and {more} more."] if more else lines))


def _told(problem: Problem, name: str) -> str:
    place = ", ".join(part for part in (name, f"line {problem.line}" if problem.line else "", problem.where) if part)
    reason = problem.reason if problem.reason.endswith((".", "?")) else f"{problem.reason}."
    return f"{place}: {reason}" if place else reason


def read_plan(text: str, name: str = "") -> Plan:
    """The plan that a YAML text holds. `name` is what the text is called in messages, such as its file.

    Raises:
        PlanError: it is no plan; `problems` has everything that was found, with lines.
    """
    document = _parsed(text, name)
    try:
        plain = _plain(document, [LIMIT_VALUES], 0)
    except (RecursionError, OverflowError):
        too_much = f"unfolds into more than {LIMIT_VALUES} values, or into itself; write it without repetitions"
        raise PlanError([Problem(1, "", too_much)], name) from None
    return _validated(plain, document, name)


def plan_of(document: Mapping[str, Any], name: str = "") -> Plan:
    """The plan that an object of JSON values is.

    Raises:
        PlanError: it is no plan; its problems have no lines.
    """
    return _validated(document, None, name)


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of a plan file (draft 2020-12), for editors and checks outside Segue."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Plan.model_json_schema(),
        "title": "Segue plan",
    }
    _as_written(schema)
    return schema


def _as_written(node: Any) -> None:
    """Defaults as people write them: a share is a text with a percent sign, and a block's own defaults say the rest."""
    if isinstance(node, dict):
        default = node.get("default")
        if node.get("type") == "string" and isinstance(default, float):
            node["default"] = f"{default * 100:g}%"
        elif isinstance(default, dict):
            del node["default"]
        for inner in node.values():
            _as_written(inner)
    elif isinstance(node, list):
        for inner in node:
            _as_written(inner)


def _parsed(text: str, name: str) -> Any:
    if len(text) > LIMIT_CHARACTERS:
        raise PlanError([Problem(None, "", f"is longer than {LIMIT_CHARACTERS} characters")], name)
    if _depth(text) > LIMIT_DEPTH:
        raise PlanError([Problem(None, "", f"has more than {LIMIT_DEPTH} brackets open at once")], name)
    try:
        document = YAML().load(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = str(error.problem or error.context or "not valid YAML").strip().splitlines()[0]
        raise PlanError([Problem(mark.line + 1 if mark else None, "", _unwound(reason))], name) from None
    except (YAMLError, ValueError, RecursionError) as error:
        reason = (str(error) or "not valid YAML").splitlines()[0]
        raise PlanError([Problem(None, "", f"cannot be read: {reason}")], name) from None
    if not isinstance(document, Mapping):
        raise PlanError([Problem(1, "", "a plan is written as `key: value`; see `segue plan schema`")], name)
    return document


def _depth(text: str) -> int:
    """How many brackets are open at once at most, those in texts and comments among them."""
    steps = ((character in "[{") - (character in "]}") for character in text if character in "[{]}")
    return max(accumulate(steps, initial=0))


def _unwound(reason: str) -> str:
    if reason.startswith("found duplicate key"):
        return f"the key {reason.split(chr(34))[1]} is here a second time"
    if "found another document" in reason:
        return "a second document begins here; a plan file has one"
    return f"{reason}; write such a text in quotes" if reason.startswith("found character") else reason


def _plain(node: Any, left: list[int], depth: int) -> Any:
    """A document of the plainest types. `left` counts down how many more values it may have."""
    left[0] -= 1
    if left[0] < 0:
        raise OverflowError
    if isinstance(node, Mapping):
        return {_key(key): _plain(value, left, depth + 1) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_plain(value, left, depth + 1) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node if node is None or isinstance(node, date) else str(node)


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, str) else key


def _validated(plain: Mapping[str, Any], document: Any, name: str) -> Plan:
    found = list(_misread(plain))
    plan = None
    try:
        plan = Plan.model_validate(dict(plain))
    except ValidationError as error:
        found += faults(error.errors(include_url=False), plain)
    found += _unsound(plain)
    if plan is not None and not found:
        return plan
    problems = {fault.place: _problem(fault, document) for fault in reversed(found)}
    raise PlanError(sorted(problems.values(), key=lambda problem: (problem.line or 0, problem.where)), name)


def _problem(fault: Fault, document: Any) -> Problem:
    where = ""
    for part in fault.place:
        where += f"[{part + 1}]" if isinstance(part, int) and not isinstance(part, bool) else f".{part}"
    where = where.removeprefix(".").encode("utf-8", "backslashreplace").decode()
    return Problem(None if document is None else _line(document, fault.place), where, fault.reason)


def _line(document: Any, place: Place) -> int:
    """The line on which the innermost key of a place stands that the document has, from 1."""
    line, node = 1, document
    for part in place:
        there = "key" if isinstance(node, Mapping) else "item"
        try:
            line = getattr(node.lc, there)(part)[0] + 1
            node = node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return int(line)


def _misread(node: Any, place: Place = ()) -> Iterator[Fault]:
    """What YAML reads otherwise than people do: keys that are no texts, and words that only look like true or false."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            here = (*place, key)
            if isinstance(key, bool):
                yield Fault(here, "this key is read as true or false; remove the line `%YAML 1.1`, or quote the key")
            elif not isinstance(key, str):
                yield Fault(here, f"the key {key} is no text; quote it")
            elif key in _TRUTHS and not isinstance(value, bool | None) and str(value).lower() in _NOT_TRUTHS:
                yield Fault(here, f"{value!r} is not true or false in YAML 1.2; write true or false, without quotes")
            yield from _misread(value, here)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _misread(value, (*place, index))
    elif isinstance(node, str) and any("\ud800" <= character <= "\udfff" or character == "\0" for character in node):
        yield Fault(place, "holds half of a character, or one that is none; write the text anew")


def _unsound(plain: Mapping[str, Any]) -> Iterator[Fault]:
    """What has the right shape but cannot be meant."""
    if plain.get("gates") == {}:
        yield Fault(("gates",), "a plan needs at least one gate; without any, nothing would ever be proved or stopped")
    gates = plain.get("gates")
    for name, gate in gates.items() if isinstance(gates, Mapping) else ():
        kind = gate.get("kind") if isinstance(gate, Mapping) else None
        if kind in _NOT_ALONE and gate.get("on_breach") == "drop_cohort":
            reason = f"a {kind} gate is not judged for each character alone; name another action"
            yield Fault(("gates", name, "on_breach"), reason)
    for index, window in _blocks(plain, "windows"):
        zone = window.get("zone")
        if isinstance(zone, str) and not _is_zone(zone):
            yield Fault(
                ("windows", index, "zone"), f"{zone!r} is no time zone known here; write for example Europe/Kyiv"
            )
    names = {str(stage.get("name")) for _, stage in _blocks(plain, "stages")} | {"bake"}
    for index, notify in _blocks(plain, "notify"):
        if not notify.get("url") and not notify.get("url_variable"):
            yield Fault(("notify", index), "needs url, or url_variable with the name of the variable that holds it")
        stages = notify.get("stages")
        for place, stage in enumerate(stages if isinstance(stages, list) else ()):
            if isinstance(stage, str) and stage not in names:
                yield Fault(("notify", index, "stages", place), f"{stage!r} is no stage of this plan")


def _blocks(plain: Mapping[str, Any], name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    listed = plain.get(name)
    for index, block in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(block, Mapping):
            yield index, block


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown ones are KeyErrors
        return False
    return True
