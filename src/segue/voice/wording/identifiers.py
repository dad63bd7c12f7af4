"""Digits that name rather than count: phone numbers, versions, codes, `A4`, `0x1F`, `007`.

They are read by groups or digit by digit. `last_digits` is the safety net at the end of all rules: no digit leaves
unspoken, because engines without digits in their alphabet would drop it in silence.
"""

import re

from segue.voice.wording.languages.signs import VERSIONED
from segue.voice.wording.lexicon import Lexicon

_LONG = re.compile(r"\d{16,}")
_CARD = re.compile(r"(?<![\d.,])\d{4}(?:[ -]\d{4}){2,4}(?![\d])")
_PHONE = re.compile(
    r"(?<![\w.,])(?:\+\d{1,3}[ -]?(?:\(\d{1,5}\)|\d{1,5})(?:[ -]?\d{2,4}){2,5}"
    r"|(?:8[ -]?)?\(\d{3,5}\)[ -]?\d{2,4}(?:[ -]\d{2,4}){1,3}"
    r"|[08][ -]?\d{2,3}[ -]\d{2,3}(?:[ -]\d{2,3}){1,3}"
    r"|1-\d{3}-\d{3}-\d{4}"
    r"|\d{3}-\d{3}-\d{4}|\d{3}-\d{2}-\d{2}|1\d{2}[ -]\d{4}[ -]\d{4}|0\d{9}|0\d{2,3}-\d{7,8})(?![\w]|[.,:]\d)"
)
_CODE = re.compile(r"(?<![\w.,-])\d{1,12}(?:-\d{1,12}){2,8}(?![\w-])")
_HEX = re.compile(r"(?<!\w)0[xX][0-9A-Fa-f]{1,64}(?!\w)")
_UUID = re.compile(r"(?<![\w-])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![\w-])")
_HASH = re.compile(r"(?<![\w-])(?=[0-9a-f]{0,39}\d)(?=[0-9a-f]{0,39}[a-f])[0-9a-f]{7,40}(?![\w-])")
_VERSION = re.compile(
    r"(?<![\w.,-])([vV]\.?[ ]?)?(\d{1,6}(?:\.\d{1,6}){2,5}|(?<=[vV])\d{1,6}(?:\.\d{1,6})?)"
    r"(?:-?(rc|alpha|beta|b|a)\.?(\d{1,3})?)?(?![\w.]\w|\w)"
)
_DOTTED_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){2,4}\Z")
_ZEROS = re.compile(r"(?<![\w.,:/])(?<!\d[ ])0\d{1,14}(?![\w]|[.,:/]\d)")
_MIXED = re.compile(r"(?<![^\W_])(?=[^\W_]*\d)(?=[^\W_]*[^\W\d_])[^\W_]{2,64}(?:-\d{1,6}(?![\w]))?")
_WITH_DASH = re.compile(r"(?<![\w-])([^\W\d_][\w]{0,30})-(\d{1,15})(?![\w]|[.,]\d)")
_RUN = re.compile(r"\d+")
_LETTERS_OR_DIGITS = re.compile(r"\d+|[^\W\d_]+")
_ANY_DIGITS = re.compile(r"-?([0-9]{1,15})")


class Identifiers:
    """The passes over numbers that are names, for one language."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._grammar = lexicon.grammar
        self._signs = lexicon.words.signs
        self._lexicon = lexicon
        self._named_version = re.compile(
            rf"(?<![\w-])({lexicon.words.version_words}|{VERSIONED})"
            rf"(\s?(?:[<>]=?|==?|[≤≥]|~=)\s?|[ -]?)(\d{{1,6}}\.\d{{1,6}})"
            rf"(?![\w%]|[.,]\d|[ ]?{lexicon.unit_pattern})",
            re.IGNORECASE,
        )

    def speak(self, text: str) -> str:
        """The text with its phone numbers, codes, versions and long digit runs in words."""
        text = _LONG.sub(lambda match: self._spelled(match.group()), text)
        text = _UUID.sub(lambda match: ", ".join(map(self._one_by_one, match.group().split("-"))), text)
        text = _HEX.sub(lambda match: self._one_by_one(match.group()), text)
        text = _CARD.sub(self._groups, text)
        text = _PHONE.sub(self._phone, text)
        text = _VERSION.sub(self._version, text)
        text = self._named_version.sub(self._version_after_word, text)
        text = _CODE.sub(self._groups, text)
        text = _HASH.sub(lambda match: self._one_by_one(match.group()), text)
        return _ZEROS.sub(lambda match: self._grammar.digits(match.group()), text)

    def mixed(self, text: str) -> str:
        """Letters and digits in one word: `A4` → A four, `MP3`, `iPhone15`, `COVID-19`, `a1b2c3` digit by digit."""
        text = _WITH_DASH.sub(lambda match: f"{match.group(1)} {self.number(match.group(2))}", text)
        return _MIXED.sub(self._apart, text)

    def last_digits(self, text: str) -> str:
        """Whatever digits are left, as numbers of their own."""
        return _ANY_DIGITS.sub(lambda match: f" {self.number(match.group(1))} ", text)

    def number(self, digits: str) -> str:
        """A run of digits as one number; with a leading zero, digit by digit."""
        if digits.startswith("0") and len(digits) > 1:
            return self._grammar.digits(digits)
        return self._grammar.cardinal(int(digits))

    def _spelled(self, digits: str) -> str:
        names = self._grammar.single_digits
        return " ".join([names[int(digit)] for digit in digits])

    def _one_by_one(self, token: str) -> str:
        names = self._grammar.single_digits
        return " ".join(names[int(char)] if char.isdecimal() else char for char in token)

    def _groups(self, match: re.Match[str]) -> str:
        groups = _RUN.findall(match.group())
        return ", ".join(self._group(group) for group in groups)

    def _group(self, digits: str) -> str:
        """A group of a phone number or code: up to three digits as a number where people say them so."""
        if not self._grammar.groups_as_numbers or len(digits) > 3:
            return self._grammar.digits(digits)
        zeros = len(digits) - len(digits.lstrip("0"))
        spoken = [self._grammar.cardinal(0)] * zeros
        if zeros < len(digits):
            spoken.append(self._grammar.cardinal(int(digits)))
        return " ".join(spoken)

    def _phone(self, match: re.Match[str]) -> str:
        written = match.group()
        groups = _RUN.findall(written)
        if len("".join(groups)) < 7:
            return written
        if len(groups) == 1 and len(written) == 10:
            groups = [written[:3], written[3:6], written[6:8], written[8:]]
        words = ", ".join(self._group(group) for group in groups)
        return f"{self._signs['plus']} {words}" if written.startswith("+") else words

    def _version(self, match: re.Match[str]) -> str:
        if _DOTTED_THOUSANDS.match(match.group()):
            return match.group()
        dot = f" {self._signs['dot']} "
        words = dot.join(self.number(part) for part in match.group(2).split("."))
        if match.group(3):
            words += f" {match.group(3)}" + (f" {self.number(match.group(4))}" if match.group(4) else "")
        before = self._lexicon.word_before(match.string, match.start())
        if match.group(1) and before != self._signs["version"]:
            words = f"{self._signs['version']} {words}"
        return words

    def _version_after_word(self, match: re.Match[str]) -> str:
        dot = f" {self._signs['dot']} "
        between = match.group(2).strip(" -")
        return f"{match.group(1)} {between} {dot.join(self.number(part) for part in match.group(3).split('.'))}"

    def _apart(self, match: re.Match[str]) -> str:
        token = match.group()
        runs = _LETTERS_OR_DIGITS.findall(token)
        garbled = len(runs) > 4
        spoken = []
        for run in runs:
            if not run.isdecimal():
                spoken.append(run)
            elif garbled or len(run) > 4:
                spoken.append(self._grammar.digits(run))
            else:
                spoken.append(self.number(run))
        return " ".join(spoken)
