"""The built-in responder: answers for the first minute, with no account, no download and no language model.

It knows the time, small sums and a few questions about itself, in English, Ukrainian, Russian and Chinese, and says
openly that it is a handful of rules. The same question at the same moment gets the same answer.
"""

import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, tzinfo
from fractions import Fraction

from segue import __version__
from segue.clock import Clock
from segue.providers.offline_texts import TEXTS, Texts
from segue.voice.language import base_code
from segue.voice.ports import About, Prompt

LONGEST_ECHO = 200
"""Characters of the listener's own text that are said back."""

_NUMBER = r"-?\d{1,15}(?:[.,]\d{1,6})?"
_EXPRESSION = re.compile(rf"{_NUMBER}(?:\s*[-+*/]\s*{_NUMBER}){{1,20}}")
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "＋": "+", "’": "'", "ʼ": "'"})
_HAN = re.compile("[\u4e00-\u9fff]")
_TOKEN = re.compile(r"\s*\S{1,4}|\s+$")


class OfflineResponder:
    """A `LanguageModel` made of rules. `zone` is the time zone it tells the time in; None is the machine's own."""

    name = "offline"
    about = About("offline", "offline", __version__)

    def __init__(self, clock: Clock, *, zone: tzinfo | None = None) -> None:
        self._clock = clock
        self._zone = zone

    async def stream(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See `LanguageModel.stream`. Tokens have at most four letters and come without delay; it never fails."""
        asked = next((message.content for message in reversed(prompt.messages) if message.role == "user"), "")
        now = datetime.fromtimestamp(self._clock.wall(), UTC).astimezone(self._zone)
        texts = TEXTS.get(base_code(prompt.language), TEXTS["en"])
        for token in _TOKEN.findall(answer(asked, texts, prompt.profile, now))[: prompt.max_tokens]:
            yield token


def answer(asked: str, texts: Texts, profile: str, now: datetime) -> str:
    """What is said to `asked`. The profile `quality` says a sentence more wherever more can be said."""
    plain = " ".join(asked.translate(_SIGNS).split())
    echo = re.match(texts.say_cue, plain.lower())
    rest = plain[echo.end() :].strip(' ,:：，。."«»“”') if echo else ""
    known = _known(rest or plain, texts, now)
    if known is not None:
        return _joined((known, texts.further) if profile == "quality" else (known,))
    if rest:
        return _sentence(rest[:LONGEST_ECHO])
    lower = plain.lower()
    if re.search(texts.more_cue, lower):
        return _joined(texts.more if profile == "quality" else texts.more[:5])
    short = (
        (texts.model_cue, texts.model),
        (texts.about_cue, texts.about),
        (texts.help_cue, texts.help),
        (texts.thanks_cue, texts.thanks),
        (texts.greet_cue, texts.greet),
    )
    for cue, said in short:
        if re.search(cue, lower):
            return _joined((said, texts.further) if profile == "quality" else (said,))
    if not re.search(r"\w", plain):
        return texts.greet
    heard = plain[:LONGEST_ECHO].rstrip(" .!?。！？…")
    said = texts.other.format(heard=heard)
    return _joined((said, texts.help) if profile == "quality" else (said,))


def _known(plain: str, texts: Texts, now: datetime) -> str | None:
    """The answer to a question that has one: the time, the date, a sum."""
    lower = plain.lower()
    if re.search(texts.time_cue, lower):
        return texts.time.format(time=f"{now:%H:%M}")
    if re.search(texts.date_cue, lower):
        return texts.date.format(
            day=now.day, month=texts.months[now.month - 1], year=now.year, weekday=texts.weekdays[now.weekday()]
        )
    return _sum(lower, texts)


def _sum(lower: str, texts: Texts) -> str | None:
    """The answer to a sum in figures or small words. A date such as 10/12/2026 alone is none: it needs a cue."""
    figures = lower
    for pattern, sign in texts.operators:
        figures = re.sub(pattern, f" {sign} ", figures)
    worded = figures != lower
    if worded:
        for value, numeral in enumerate(texts.numerals):
            whole = re.escape(numeral) if len(numeral) == 1 else rf"\b{re.escape(numeral)}\b"
            figures = re.sub(whole, str(value), figures)
    found = _EXPRESSION.search(figures)
    if found is None:
        return None
    alone = found.group() == figures.strip(" =?？。.") and re.search(r"[+*]|\s", found.group())
    if not (worded or alone or re.search(texts.sum_cue, lower)):
        return None
    try:
        return texts.sum.format(answer=_shown(_computed(found.group()), texts.decimal))
    except ZeroDivisionError:
        return texts.zero


def _computed(expression: str) -> Fraction:
    """The value of numbers joined by + - * /, multiplication and division first.

    Raises:
        ZeroDivisionError: something is divided by zero.
    """
    total, factor, sign = Fraction(0), None, "+"
    place = 0
    while place < len(expression):
        number = re.compile(_NUMBER).match(expression, place)
        if number is None:
            break
        value = Fraction(number.group().replace(",", "."))
        if factor is None:
            factor = value
        elif sign == "*":
            factor *= value
        elif sign == "/":
            factor /= value
        else:
            total += factor
            factor = value if sign == "+" else -value
        operator = re.compile(r"\s*([-+*/])\s*").match(expression, number.end())
        if operator is None:
            break
        sign, place = operator[1], operator.end()
    return total + (factor or 0)


def _shown(value: Fraction, decimal: str) -> str:
    """A number as people write it: whole, or with up to four decimals."""
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.4f}".rstrip("0").rstrip(".").replace(".", decimal)


def _joined(sentences: tuple[str, ...]) -> str:
    """Sentences in a row; Chinese ones need no space between them."""
    return "".join(part if part.endswith("。") else f"{part} " for part in sentences).strip()


def _sentence(said: str) -> str:
    """A text that begins and ends as a sentence does, so that it is spoken at once."""
    said = said[0].upper() + said[1:]
    if said.endswith((".", "!", "?", "…", "。", "！", "？")):
        return said
    return said + ("。" if _HAN.search(said[-1]) else ".")
