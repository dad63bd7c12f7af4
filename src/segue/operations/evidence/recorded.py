"""Reports that come from outside, read back from their bytes, and what is kept of them. Values and rules only."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from segue.console.audit import canonical
from segue.console.operations import COMMAND, MOST_BYTES, Operation
from segue.errors import InvalidRequest
from segue.operations.report import Check, Level, Report

MOST_COMMANDS = 100
"""Different commands that are kept; the name of one is also the value of a label."""
_WORDS = {"name": str, "reason": str, "hint": str, "accepted": bool}


def operation(report: Report, payload: bytes, at_us: int, by: str) -> Operation:
    """What is kept of a report."""
    counts = report.as_dict()["counts"]
    return Operation(report.command, report.outcome.value, at_us, by, hashlib.sha256(payload).hexdigest(), counts)


def report_of(payload: bytes) -> Report:
    """The report in its canonical bytes.

    That they are canonical shows that what they say of themselves agrees with the checks: the outcome and the counts.

    Raises:
        InvalidRequest: it is none; the message says what to mend.
    """
    if len(payload) > MOST_BYTES:
        raise _unfit(f"it is longer than {MOST_BYTES:,} bytes")
    try:
        plain = json.loads(payload)
        if not isinstance(plain, dict):
            raise _unfit("it is no JSON object")
        report = _report(plain)
        same = canonical(report.as_dict()) == payload
    except (ValueError, RecursionError):
        raise _unfit("it is no JSON of finite numbers") from None
    if not same:
        raise _unfit("its outcome or counts do not agree with its checks, or it is not in its canonical form")
    return report


def _report(plain: Mapping[str, Any]) -> Report:
    command, checks, facts = plain.get("command"), plain.get("checks"), plain.get("facts")
    times: list[Any] = [plain.get("began_us"), plain.get("ended_us")]
    if not isinstance(command, str) or not COMMAND.fullmatch(command):
        raise _unfit("`command` must be words as after `segue`")
    if not all(type(each) is int and 0 <= each <= 2**53 for each in times) or times[0] > times[1]:
        raise _unfit("`began_us` and `ended_us` must be Unix microseconds, in this order")
    if not isinstance(plain.get("target"), str) or not isinstance(checks, list) or not isinstance(facts, dict):
        raise _unfit("`target` must be a text, `checks` a list and `facts` an object")
    return Report(command, plain["target"], times[0], times[1], tuple(map(_check, checks)), facts)


def _check(plain: Any) -> Check:
    if not isinstance(plain, dict) or not {"name", "level", "reason"} <= set(plain):
        raise _unfit("a check must have a name, a level and a reason")
    wrong = [name for name, kind in _WORDS.items() if type(plain.get(name, kind())) is not kind]
    figures = plain.get("figures", {})
    if wrong or plain["level"] not in set(Level) or not isinstance(figures, dict):
        raise _unfit(f"the check {str(plain['name'])[:100]!r} is none")
    if not all(isinstance(each, str | int | float | bool | None) for each in figures.values()):
        raise _unfit(f"a figure of the check {plain['name'][:100]!r} is no plain value")
    words = {name: plain[name] for name in _WORDS if name in plain}
    return Check(level=Level(plain["level"]), figures=figures, **words)


def _unfit(why: str) -> InvalidRequest:
    return InvalidRequest(f"The payload is no report: {why}.", param="payload")
