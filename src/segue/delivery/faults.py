"""What is wrong with a plan, for the people who wrote it: where, and what to write instead."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic_core import ErrorDetails

from segue.delivery.plan import (
    AnyGate,
    Bake,
    CohortPlan,
    Fast,
    NotifyPlan,
    Plan,
    PlannedVariant,
    Stage,
    VerdictPlan,
    Window,
)
from segue.delivery.quantity import duration_s
from segue.section import Section

Place = tuple[int | str, ...]
"""Keys and positions from the top of a document down to a value."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and at which place of the document."""

    place: Place
    reason: str
    inside: bool = False
    """Whether the fault is a key of this name in the place, not the value there."""


_BLOCKS: dict[str, type[Section]] = {
    "baseline": PlannedVariant,
    "candidate": PlannedVariant,
    "fast": Fast,
    "verdict": VerdictPlan,
    "stages": Stage,
    "cohort": CohortPlan,
    "bake": Bake,
    "windows": Window,
    "notify": NotifyPlan,
}
_GATES: dict[str, type[Section]] = {
    kind: gate for gate in get_args(get_args(AnyGate)[0]) for kind in get_args(gate.model_fields["kind"].annotation)
}
_PATTERNS = (
    (r"^([01]", "is no time of day; write for example 09:00"),
    (r"^([A-Z]", "is no prefix of variables; write for example CHIRP3"),
    (r"^[a-z0-9]", "is no name; use a-z, 0-9, `_` and `-`, 63 characters at most, a letter or digit first"),
)
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_SHAPES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "a yes-or-no; write true or false",
    "bool_parsing": "a yes-or-no; write true or false",
    "tuple_type": "a list",
    "dict_type": "a block of keys and values",
    "model_type": "a block of keys and values",
    "model_attributes_type": "a block of keys and values",
    "finite_number": "a finite number",
}


def faults(errors: Sequence[ErrorDetails], document: Any) -> Iterator[Fault]:
    """The faults that a validation found, one for each place, with the reasons of people."""
    seen: set[tuple[Place, bool]] = set()
    for error in errors:
        found = _fault(error, document)
        if found.reason and (found.place, found.inside) not in seen:
            seen.add((found.place, found.inside))
            yield found


def _fault(error: ErrorDetails, document: Any) -> Fault:
    kind, place = error["type"], _place(error["loc"], document)
    if kind == "extra_forbidden":
        return Fault(place, _unknown(str(error["loc"][-1]), _keys(error["loc"])))
    if kind == "missing":
        return Fault((*place, error["loc"][-1]), "is missing", inside=True)
    if kind == "union_tag_not_found":
        return Fault((*place, "kind"), "is missing; it says what kind of gate this is", inside=True)
    if kind == "union_tag_invalid":
        context = error.get("ctx", {})
        return Fault((*place, "kind"), _one_of(context["tag"], context["expected_tags"]))
    return _of_value(error, place, document)


def _of_value(error: ErrorDetails, place: Place, document: Any) -> Fault:
    if error["type"] != "value_error":
        return Fault(place, _reason(error))
    message = error["msg"].removeprefix("Value error, ")
    named = re.match(r"([\w.-]+): (.+)", message, re.DOTALL)  # a rule over several keys says where it is broken
    if named and not error["loc"]:
        return Fault(_place(tuple(named[1].split(".")), document), named[2])
    return Fault(place, message)


def _reason(error: ErrorDetails) -> str:
    kind, given = error["type"], error["input"]
    if error["loc"][-1:] == ("[key]",) or kind == "string_pattern_mismatch":
        return f"{_told(given)} {_pattern(error)}"
    if given is None:
        return "is empty; write a value, or leave the key out"
    if kind in ("literal_error", "enum"):
        return _of_words(given, error.get("ctx", {})["expected"])
    if kind in _BOUNDS:
        name, word = _BOUNDS[kind]
        return f"{_told(given)} is out of range: {word} {_bound(error.get('ctx', {})[name], given)} is allowed"
    if kind in ("too_short", "string_too_short", "too_long"):
        return _of_length(error)
    return f"{_told(given)} is not {_SHAPES[kind]}" if kind in _SHAPES else f"{_told(given)}: {error['msg']}"


def _of_length(error: ErrorDetails) -> str:
    if error["type"] == "too_long":
        return f"has too many entries; {error.get('ctx', {})['max_length']} are allowed"
    return "needs at least one entry" if not error["input"] else ""  # its entries are wrong, and that is told of them


def _of_words(given: Any, expected: str) -> str:
    """What may be written instead of a word; a list where `*` was possible has faults of its own."""
    if expected == "'*'":
        name = given if isinstance(given, str) else "a_name"
        told = f'{_told(given)} names nobody; write a list such as [{name}], or "*" for everybody'
        return "" if isinstance(given, list | tuple) else told
    if expected == "'auto'":
        if _is_duration(given):
            return ""  # it is out of range, and that is told as well
        return f"{_told(given)} is neither auto nor a duration; write for example 5m"
    return _one_of(given, expected)


def _is_duration(given: Any) -> bool:
    try:
        return isinstance(duration_s(given), int | float)
    except ValueError:
        return False


def _bound(bound: float, given: Any) -> str:
    """A bound in the unit in which the value was written."""
    return f"{bound * 100:g}%" if isinstance(given, str) and given.strip().endswith("%") else f"{bound:g}"


def _place(location: Place, document: Any) -> Place:
    """The part of a validation's location that is in the document: without the names of kinds and types."""
    place: list[int | str] = []
    node: Any = document
    for part in location:
        if part in (range(len(node)) if isinstance(node, list) else node if isinstance(node, Mapping) else ()):
            node = node[part]
            place.append(part)
    return tuple(place)


def _keys(location: Sequence[int | str]) -> list[str]:
    """The keys that are allowed beside an unknown one."""
    *above, _ = location
    words = [part for part in above if isinstance(part, str)]
    if not words:
        return sorted(Plan.model_fields)
    if words[0] == "gates" and words[-1] != "fast":
        return sorted(_GATES[words[-1]].model_fields) if words[-1] in _GATES else []
    return sorted(_BLOCKS[words[-1]].model_fields) if words[-1] in _BLOCKS else []


def _unknown(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"there is no such key; did you mean {near[0]}?"
    return "there is no such key" + (f"; there are {', '.join(known)}" if known else "")


def _one_of(given: Any, expected: str) -> str:
    words = re.findall(r"'([^']*)'", expected) or [expected]
    near = difflib.get_close_matches(str(given), words, n=1)
    guess = f"; did you mean {near[0]}?" if near else ""
    return (
        f"{_told(given)} is none of {', '.join(words)}{guess}"
        if len(words) > 1
        else f"{_told(given)} is not {words[0]}"
    )


def _pattern(error: ErrorDetails) -> str:
    pattern = error.get("ctx", {})["pattern"]
    return next((text for start, text in _PATTERNS if pattern.startswith(start)), "has the wrong form")


def _told(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
