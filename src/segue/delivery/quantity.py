"""Quantities as people write them in a plan: `30m`, `6000ms`, `5%`, `20%`."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


def duration_s(value: Any) -> Any:
    """`30m`, `1h30m`, `6000ms` or a number of seconds, in seconds.

    Raises:
        ValueError: it is a text, and none of these.
    """
    if not isinstance(value, str):
        return value
    parts = _DURATION.findall(value)
    if not parts or _DURATION.sub("", value).strip():
        raise ValueError(f"{value!r} is no duration; write for example 90s, 30m, 2h, 7d or 6000ms")
    return round(sum(float(number) * _UNIT_S[unit] for number, unit in parts), 9)


def share(value: Any) -> Any:
    """`5%` as 0.05.

    Raises:
        ValueError: it is not a text that ends in a percent sign; a bare number could be meant either way.
    """
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value.strip())):
        return float(found[1]) / 100.0
    if isinstance(value, float) and 0.0 <= value <= 1.0:
        return value  # as a dumped plan has it
    raise ValueError(f"{value!r} is no share; write it with a percent sign, for example 5%")


def _growth(value: Any) -> Any:
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value.strip())):
        return float(found[1]) / 100.0
    if isinstance(value, float):
        return value
    raise ValueError(f"{value!r} is no growth; write it with a percent sign, for example 20%")


LONGEST_S = 3650 * 86_400.0
"""No duration of a plan is longer than ten years: what is meant to last for ever is said in another way."""
MOST_GROWTH = 1000.0

Duration = Annotated[
    float,
    BeforeValidator(duration_s, json_schema_input_type=str | float),
    Field(ge=0, le=LONGEST_S, allow_inf_nan=False),
]
"""Seconds; written `30m`, `2h`, `6000ms`."""
Share = Annotated[float, BeforeValidator(share, json_schema_input_type=str), Field(ge=0, le=1)]
"""A part of one; written `5%`."""
Growth = Annotated[
    float,
    BeforeValidator(_growth, json_schema_input_type=str),
    Field(ge=0, le=MOST_GROWTH, allow_inf_nan=False),
]
"""How much more; written `20%`, may be over 100 %."""


def told_s(seconds: float) -> str:
    """A duration as people write it: `90 s`, `30 min`, `2 h`, `7 d`."""
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds * 1000:.4g} ms" if 0 < seconds < 1 else f"{seconds:.4g} s"


def told_share(part: float) -> str:
    """A share as people write it: `5 %`, `0.25 %`."""
    return f"{part * 100:.3g} %"
