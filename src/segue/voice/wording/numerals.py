"""Numbers as people write them: `1 250`, `1.250,00`, `1,250.50`, `007`, `2,5`.

A written number is ambiguous until the language is known: `1,250` is one thousand two hundred and fifty in English
and one and a quarter in Ukrainian. `NUMBER` finds every shape; `read` decides. All repetitions in the pattern are
bounded, so that no text can make it slow.
"""

import re
from dataclasses import dataclass

# At most fifteen digits count as a quantity (999 trillion); longer runs are read digit by digit before this is asked.
NUMBER = (
    r"(?:\d{1,3}(?:(?:[ ]\d{3}){1,4}|(?:,\d{3}){1,4}|(?:\.\d{3}){2,4}|(?:['’]\d{3}){1,4}|(?:_\d{3}){1,4}"
    r"|\.\d{3}(?=,\d))"
    r"(?!\d)(?:[.,]\d{1,12}(?!\d))?"
    r"|\d{1,15}(?:[.,]\d{1,12}(?!\d))?)(?!\d)"
)
_GROUPED = re.compile(r"\d{1,3}(?:([ ,.'’_])\d{3})(?:\1\d{3})*(?:([.,])(\d+))?\Z")
_THOUSANDS_ONLY = re.compile(r"[1-9]\d{0,2}([.,])000\Z")


@dataclass(frozen=True, slots=True)
class Numeral:
    """One written number: `whole` part, `fraction` digits as written ("" if none), and the sign."""

    whole: int
    fraction: str = ""
    negative: bool = False

    @property
    def is_whole(self) -> bool:
        """True if nothing but zeros stands behind the decimal mark."""
        return not self.fraction.strip("0")


def read(written: str, *, comma_is_decimal: bool, negative: bool = False) -> Numeral:
    """The value of a number that matched `NUMBER`.

    `comma_is_decimal` is True where people write 2,5 (uk, ru). A single group of three behind the foreign mark stays
    a decimal (`3.125`), but three zeros are thousands in every language: nobody writes ten as `10,000`.
    """
    grouped = _GROUPED.match(written)
    if grouped and _groups_thousands(written, grouped, comma_is_decimal):
        mark, fraction = grouped.group(2), grouped.group(3) or ""
        whole = written[: len(written) - len(fraction) - 1] if mark else written
        return Numeral(int("".join(filter(str.isdecimal, whole))), fraction, negative)
    parts = re.split(r"[.,]", written, maxsplit=1)
    digits = "".join(filter(str.isdecimal, parts[0]))
    fraction = "".join(filter(str.isdecimal, parts[1])) if len(parts) > 1 else ""
    return Numeral(int(digits), fraction, negative)


def _groups_thousands(written: str, grouped: re.Match[str], comma_is_decimal: bool) -> bool:
    """Whether the first separator of a grouped-looking number parts thousands rather than decimals."""
    separator, mark = grouped.group(1), grouped.group(2)
    if mark == separator:
        return False
    if separator in " '’_" or mark or written.count(separator) > 1:
        return not written.startswith("0")
    if _THOUSANDS_ONLY.match(written):
        return True
    return separator == "," and not comma_is_decimal and not written.startswith("0")
