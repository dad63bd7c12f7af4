"""Tokens in, sentences out, as early as a sentence can be known to be one, and without losing a character.

The result never depends on how the tokens were cut, and the pieces concatenate to the input. The first piece may end
at a clause, because a listener waits for it; every other one is a whole sentence, or as much of one as a voice can
take in one breath.
"""

import re
import unicodedata
from dataclasses import dataclass

from segue.voice.boundaries import CLOSERS, NOT_YET, TERMINATORS, at_newline, at_terminator, in_heading
from segue.voice.clauses import CLAUSES, at_clause
from segue.voice.stops import Mark, classify, tables

LONGEST = 300
"""Width of the longest piece; a wide (Chinese) character counts twice."""

FIRST_CLAUSE = 24
"""Least width of a first piece that ends at a comma: less sounds chopped."""

BRACKET_REACH = 200
"""A bracket that was not closed within so many characters is not waited for any longer."""

OPEN_BRACKETS = "([（【"
CLOSE_BRACKETS = ")]）】"
BRACKETS = OPEN_BRACKETS + CLOSE_BRACKETS
OPEN_QUOTES = "«„“「『《"
CLOSE_QUOTES = "»”」』》"
QUOTES = OPEN_QUOTES + CLOSE_QUOTES + '"'
SPEECH_BEFORE = f"{TERMINATORS}:：,，—–-(*_>"
TITLE_REACH = 100
"""A title in quotation marks is no longer than this; within it no sentence ends."""
POINT = re.compile(rf"[{re.escape(TERMINATORS)}\n`~{re.escape(BRACKETS + QUOTES)}]")
POINT_OR_CLAUSE = re.compile(rf"[{re.escape(TERMINATORS)}\n`~{re.escape(BRACKETS + QUOTES + CLAUSES)}]")
UPPER = re.compile("[A-ZА-ЯЁЄІЇҐÀ-ÖØ-Þ]")
BREAK = re.compile(r"[,;:—–]\s+|[，；：、]|\s+")
BREAK_AT_CLAUSE = re.compile(r"[,;:—–]\s+|[，；：、]")
FENCES = ("```", "~~~")


@dataclass(frozen=True, slots=True)
class _Cut:
    """Where a piece ends, and the last character that had to be seen."""

    at: int
    known_at: int


class SentenceAssembler:
    """Assembles the sentences of one reply.

    Args:
        language: `en`, `uk`, `ru` or `zh`, or a tag like `uk-UA`; another one is treated like English.
        first_clause: whether the first piece may end at a comma, semicolon or colon.
    """

    def __init__(self, language: str, first_clause: bool = True) -> None:
        self._words = tables(language)
        self._first = first_clause
        self._text = ""
        self._scanned = 0
        self._measured = 0
        self._width = 0
        self._limit: int | None = None
        self._brackets: list[int] = []
        self._title: int | None = None
        self._fenced = False
        self._line_start = True
        self._capital: int | None = None
        self._capital_before = False

    def push(self, token: str) -> list[str]:
        """Add a token of any length; the pieces that are complete now."""
        if not token:
            return []
        known = len(self._text)
        self._text += token
        self._look_for_capital(known)
        pieces = []
        while (cut := self._next_cut()) is not None:
            pieces.append(self._take(cut.at))
        return pieces

    def flush(self) -> list[str]:
        """The rest, however it ends. The assembler is then as new, but for the first piece."""
        return [self._take(len(self._text))] if self._text else []

    def pending_complete(self) -> bool:
        """Whether what waits ends like a sentence, so that it may be spoken if nothing comes for a while."""
        text = self._text.rstrip()
        bare = text.rstrip("".join(CLOSERS))
        if not bare or bare[-1] not in TERMINATORS or self._fenced or self._brackets_at(len(text) - 1):
            return False
        if bare[-1] != "." or bare.endswith(".."):
            return True
        return classify(text, 0, len(bare) - 1, self._words) is Mark.SENTENCE

    def release(self) -> list[str]:
        """What waits, if it ends like a sentence; nothing otherwise."""
        return self.flush() if self.pending_complete() else []

    def _next_cut(self) -> _Cut | None:
        self._measure()
        limit = self._limit
        cut = self._scan(limit)
        if cut is not None and (limit is None or cut.known_at <= limit):
            return cut
        if limit is not None:
            return _Cut(self._break_before(limit), limit)
        return None

    def _scan(self, limit: int | None) -> _Cut | None:
        """The next place that is known to end a piece; where it must wait, it stays."""
        pattern = POINT_OR_CLAUSE if self._first else POINT
        while True:
            found = pattern.search(self._text, self._scanned)
            if found is None:
                self._scanned = len(self._text)
                return None
            at = found.start()
            if limit is not None and at > limit:
                return None
            step = self._step(at, found.group())
            if isinstance(step, _Cut):
                return step
            if step is None:
                self._scanned = at
                return None
            self._scanned = step

    def _step(self, at: int, character: str) -> "_Cut | int | None":
        """Decide about one place: a cut, or where to go on, or None to wait for more text."""
        if character in "`~":
            return self._fence(at, character)
        if self._fenced:
            return at + 1
        if character in BRACKETS or character in QUOTES:
            return self._bracket(at, character) if character in BRACKETS else self._quote(at, character)
        if character == "\n":
            return self._newline(at)
        return self._clause(at) if character in CLAUSES else self._terminator(at)

    def _bracket(self, at: int, character: str) -> int:
        if character in CLOSE_BRACKETS:
            if self._brackets:
                self._brackets.pop()
        elif at == 0 or self._text[at - 1] not in ":;":  # not the mouth of an emoticon
            self._brackets.append(at)
        return at + 1

    def _quote(self, at: int, character: str) -> int:
        """Note where a title begins: a quotation that neither begins the piece nor follows a colon, comma or dash."""
        before = self._text[:at].rstrip()
        opens = character in OPEN_QUOTES and not (character == "“" and self._title is not None)
        if character == '"':
            opens = at == 0 or not (self._text[at - 1].isalnum() or self._text[at - 1] in f"{TERMINATORS},:;%)")
        if not opens:
            self._title = None
        elif before and before[-1] not in SPEECH_BEFORE:
            self._title = at
        return at + 1

    def _terminator(self, at: int) -> "_Cut | int | None":
        if in_heading(self._text, at, line_start=self._line_start):
            return at + 1
        decision = at_terminator(self._text, 0, at, self._words, small=not self._capital_up_to(at))
        if decision is NOT_YET:
            return None
        if decision.cut is None or self._inside_bracket(at, decision.cut):
            return self._end_of_run(at)
        return _Cut(decision.cut, decision.known_at)

    def _end_of_run(self, at: int) -> int:
        end = at + 1
        while end < len(self._text) and self._text[end] in TERMINATORS:
            end += 1
        return end

    def _inside_bracket(self, at: int, cut: int) -> bool:
        """Whether a bracket is open at a place where a sentence seems to end.

        One that holds the whole sentence, and is closed right behind the terminator, ends with it.
        """
        if self._title is not None and at - self._title <= TITLE_REACH:
            return not any(character in CLOSE_QUOTES or character in '"“' for character in self._text[at:cut])
        depth = self._brackets_at(at)
        if not depth:
            return False
        closed = sum(character in CLOSE_BRACKETS for character in self._text[at:cut])
        whole = not self._text[: self._brackets[0]].strip(" \t\n*_>-")
        if closed >= depth and whole:
            self._brackets.clear()
            return False
        return True

    def _brackets_at(self, at: int) -> int:
        """How many brackets are open there; those that were opened too long ago do not count."""
        while self._brackets and at - self._brackets[0] > BRACKET_REACH:
            self._brackets.pop(0)
        return len(self._brackets)

    def _newline(self, at: int) -> "_Cut | int | None":
        if not self._text[:at].strip():
            self._line_start = True
            return at + 1
        decision = at_newline(self._text, at, small=not self._capital_up_to(at))
        if decision is NOT_YET:
            return None
        return _Cut(decision.cut, decision.known_at) if decision.cut is not None else at + 1

    def _fence(self, at: int, character: str) -> "int | None":
        """A line that begins with three backticks or tildes opens or closes code."""
        line = self._text.rfind("\n", 0, at) + 1
        if self._text[line:at].strip() or (line == 0 and not self._line_start):
            return at + 1
        if len(self._text) < at + 3 and self._text[at:] == character * (len(self._text) - at):
            return None
        if self._text.startswith(FENCES, at):
            self._fenced = not self._fenced
            return at + 3
        return at + 1

    def _clause(self, at: int) -> "_Cut | int | None":
        """The first piece may end here, if it is long enough and sounds like a clause."""
        if self._brackets_at(at) or _width(self._text[:at]) < FIRST_CLAUSE:
            return at + 1
        decision = at_clause(self._text, at)
        if decision is NOT_YET:
            return None
        return _Cut(decision.cut, decision.known_at) if decision.cut is not None else at + 1

    def _measure(self) -> None:
        """Find the first character that is too far out for one piece."""
        if self._limit is not None or len(self._text) * 2 <= LONGEST:
            return
        for index in range(self._measured, len(self._text)):
            self._width += 2 if _is_wide(self._text[index]) else 1
            if self._width > LONGEST:
                self._limit = index
                self._measured = index + 1
                return
        self._measured = len(self._text)

    def _break_before(self, limit: int) -> int:
        """Where to break a piece that is too long: at a clause, else between words, else between characters."""
        for pattern, least in ((BREAK_AT_CLAUSE, limit // 2), (BREAK, limit // 4)):
            ends = [found.end() for found in pattern.finditer(self._text, 0, limit) if least < found.end() <= limit]
            if ends:
                return ends[-1]
        at = limit
        while at > limit // 2 and _belongs_before(self._text, at):
            at -= 1
        return at

    def _take(self, at: int) -> str:
        """Cut the text; what is behind the cut is looked at anew."""
        piece, self._text = self._text[:at], self._text[at:]
        self._scanned = self._measured = self._width = 0
        self._limit = None
        self._brackets.clear()
        self._title = None
        self._first = False
        self._line_start = piece.endswith("\n")
        self._capital_before = self._capital_before or (self._capital is not None and self._capital < at)
        self._capital = None
        self._look_for_capital(0)
        return piece

    def _look_for_capital(self, begin: int) -> None:
        if self._capital is None and not self._capital_before:
            found = UPPER.search(self._text, begin)
            self._capital = found.start() if found else None

    def _capital_up_to(self, at: int) -> bool:
        """Whether the writer has used a capital so far; one who has not writes small throughout."""
        return self._capital_before or (self._capital is not None and self._capital <= at)


def _is_wide(character: str) -> bool:
    return character >= "ᄀ" and unicodedata.east_asian_width(character) in "WF"


def _width(text: str) -> int:
    return len(text) + sum(map(_is_wide, text))


def _belongs_before(text: str, at: int) -> bool:
    """Whether the character there cannot stand without the one before it."""
    character = text[at]
    joined = character in "‍︎️⃣" or text[at - 1] == "‍" or "\U0001f3fb" <= character <= "\U0001f3ff"
    return joined or unicodedata.combining(character) != 0 or "\U0001f1e6" <= character <= "\U0001f1ff"
