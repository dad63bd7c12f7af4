"""Whether the first piece of a reply may end at a comma, semicolon or colon: a pure decision about a known beginning.

A listener waits for the first piece, so it may be less than a sentence; but it has to sound like something that a
speaker would say before a breath. It never ends inside a bracket, a quotation, a number, an address or a list.
"""

import re

from segue.voice.boundaries import NOT_YET, Decision

WIDE_CLAUSES = "，；："
CLAUSES = f",;:{WIDE_CLAUSES}"
LEAST_WORDS = 2
"""A clause has at least so many words before the mark; fewer are a vocative or an item of a list."""
AND = r"(?!(?:and|or|та|і|й|або|чи|и|или)\b)"
WORD = r"[^\W\d_](?:[^\W\d_]|['’ʼ-])*"
BREATH = re.compile(rf"{WORD}[ ]+{AND}{WORD}[ ]+[^\W\d_]")
"""What must follow: two whole words and the beginning of a third, not a list; `NEVER` holds what they never contain."""
NEVER = re.compile(r"[^\w \t'’ʼ-]|\d|\Z")
BREATH_WIDE = re.compile(r"[^\W_]{4}")
NEVER_WIDE = re.compile(r"[\W_]|\Z")
LAST_MARK = re.compile(r"[,;:.!?…，；：、。！？—–(（\n]")
QUOTES = (("«", "»"), ("「", "」"), ("『", "』"), ("《", "》"))


def at_clause(text: str, at: int) -> Decision:
    """Decide about the mark at `at` in a text that began a reply and has no open bracket there.

    A decision waits for as many characters as it takes to see that no list, name or short tag follows.
    """
    mark = text[at]
    if at == 0 or text[at - 1].isdigit() or _is_quoting(text[:at]) or not _is_clause(text[:at], mark):
        return Decision(None, at)
    if mark in WIDE_CLAUSES:
        return _by_what_follows(text, at + 1, BREATH_WIDE, NEVER_WIDE, lower=False)
    if at + 1 >= len(text):
        return NOT_YET
    if text[at + 1] != " ":
        return Decision(None, at + 1)
    return _by_what_follows(text, at + 2, BREATH, NEVER, lower=mark == ",")


def _by_what_follows(
    text: str, begin: int, breath: "re.Pattern[str]", never: "re.Pattern[str]", *, lower: bool
) -> Decision:
    """A cut before `begin` if a clause of its own seems to follow; a comma and a capital are a name or an address."""
    if begin >= len(text):
        return NOT_YET
    if text[begin].isdigit():
        return Decision(None, begin)
    capital = text[begin].isupper() and not text.startswith(("I ", "I'", "I’"), begin)
    if lower and capital:
        return Decision(None, begin) if text[begin] != "I" or begin + 1 < len(text) else NOT_YET
    if found := breath.match(text, begin):
        return Decision(begin, found.end() - 1)
    stop = never.search(text, begin)
    return NOT_YET if stop is None or stop.start() >= len(text) else Decision(None, stop.start())


def _is_clause(before: str, mark: str) -> bool:
    """Whether what stands between the mark and the one before it is more than an item or a name."""
    pieces = LAST_MARK.split(before)
    last = pieces[-1].strip()
    if mark in WIDE_CLAUSES:
        return len(last) > LEAST_WORDS * 2
    return len(last.split()) >= LEAST_WORDS


def _is_quoting(before: str) -> bool:
    """Whether a quotation is open at the end of a text."""
    if before.count('"') % 2 or any(before.count(opens) > before.count(closes) for opens, closes in QUOTES):
        return True
    low, high, right = before.count("„"), before.count("“"), before.count("”")
    return low > high + right if low else high > right  # „so“ in some languages, “so” in others
