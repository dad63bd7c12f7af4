"""Whether a sentence ends at a terminator: a pure decision about a text of which only the beginning may be known.

A decision is a cut, no cut, or "not yet": the text has to go on before anybody could tell. For text in Latin and
Cyrillic letters the first letter of the next word tells, unless an abbreviation stands before it; the enders of
Chinese need no look ahead but for the closing quotes behind them.
"""

import re
import unicodedata
from dataclasses import dataclass

from segue.voice.stops import LETTERS, LOOK_BACK, WORD_BEFORE, Mark, Tables, classify

TERMINATORS = ".!?…。！？｡‼⁇⁈⁉"
RUN = re.compile(f"[{TERMINATORS}]+")
WIDE = re.compile("[。！？｡]")
CLOSERS = frozenset("\"'”’»“)]}）］】」』〉》›*_~～〜`")
QUOTES = frozenset("\"'”’»“」』》〉")
CONTINUATIONS = frozenset("，、；：,;:")
WIDE_OPENERS = '“「『"'
WIDE_STARTERS = frozenset("他她它我你您咱谁没沒大同可但老小全众妈爸爷奶哥姐弟妹")
"""What the next sentence begins with behind quoted speech; other characters may go on with what the speaker did."""
SPEECH_OPENERS = frozenset('"«„“‘「『')
DASHES = frozenset("—–")
OPENERS = frozenset("\"'«„“‘‚‹([{（［【「『《*_~#>`-–—―•·¿¡+")
HAN = re.compile("[぀-ヿ㐀-䶿一-鿿豈-﫿]")
WIDE_CLOSERS = CLOSERS - frozenset("“")
"""In Chinese that mark opens a quotation; elsewhere it may close one („so“)."""
EMOTICON = re.compile(r"[:;=][-o*']?[)(\]\[DPp/\\|3]+")
FACE_BEGINS = ":;="
SIGNS = frozenset("$€£₴₽¥#@№§&")
"""Signs that a sentence may begin with; behind a factorial or a label other signs follow."""
WORD = re.compile(rf"{LETTERS}(?:['’ʼ.-]{LETTERS})*")
HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]")
FOOTNOTE = re.compile(r"\[\d{1,3}\]")
FOOTNOTE_BEGINS = re.compile(r"\[\d{0,3}\Z")
ONE_WORD = re.compile(r"[\W_]*[^\W\d_]+(?:-[^\W\d_]+)*\Z")
JOINERS = frozenset("'’ʼ.-")
FILLERS = frozenset("um uh er erm hm hmm mm well so ну е э гм хм мм ем эм типа тіпа значит значить".split())
"""What a speaker hesitates with; behind these an ellipsis ends nothing."""
I_FOLLOWS = re.compile(r"I\b")
BRANDS = frozenset({"yahoo", "joomla", "jeopardy", "guess", "panic"})
SHORT = 4


@dataclass(frozen=True, slots=True)
class Decision:
    """Where to cut, or None for no cut; `known_at` is the index of the last character that was needed to know."""

    cut: int | None
    known_at: int


NOT_YET = Decision(None, -1)
"""The text has to go on before anybody could tell."""


def at_terminator(text: str, start: int, at: int, words: Tables, *, small: bool) -> Decision:
    """Decide about the run of terminators that begins at `at` in a sentence that began at `start`.

    Args:
        text: what is known of the text.
        start: where the sentence began.
        at: the index of the first terminator.
        words: the language's tables.
        small: whether the writer uses no capitals at all, as in a chat.
    """
    run = RUN.match(text, at)
    assert run is not None  # noqa: S101 - the caller found a terminator here
    wide = WIDE.search(run.group()) is not None
    after = _skip(text, run.end(), _wide_closers(text, start, at) if wide else CLOSERS)
    if note := FOOTNOTE.match(text, after):
        after = note.end()
    if after >= len(text) or FOOTNOTE_BEGINS.match(text, after):
        return NOT_YET
    quoted = any(character in QUOTES for character in text[run.end() : after])
    after = _skip_pictures(text, after)
    if after >= len(text) or _may_be_face(text, after):
        return NOT_YET
    if wide:
        return _wide(text, start, at, after, quoted=quoted)
    if not text[after].isspace():
        return _without_space(text, at, after, run.group(), quoted=quoted)
    return _with_space(text, start, at, run, after, words, small=small, quoted=quoted)


def _wide_closers(text: str, start: int, at: int) -> frozenset[str]:
    """What closes behind a Chinese ender; without a space behind it, a mark that was not open there opens something."""
    marks = [mark for mark, pair in (('"', 2), ("*", 4)) if text.count(mark, start, at) % pair == 0]
    return WIDE_CLOSERS.difference(marks)


def _wide(text: str, start: int, at: int, after: int, *, quoted: bool) -> Decision:
    """Chinese enders: the sentence ends, unless it goes on right behind them.

    Behind a quotation a letter mostly goes on, with who said it; where a colon announced it, that was told before.
    """
    if quoted and HAN.match(text, after):
        opened = max(text.rfind(quote, start, at) for quote in WIDE_OPENERS)
        told = opened > start and text[opened - 1] in "：:"
        return Decision(after if told and text[after] in WIDE_STARTERS else None, after)
    return Decision(None if text[after] in CONTINUATIONS else after, after)


def _without_space(text: str, at: int, after: int, run: str, *, quoted: bool) -> Decision:
    """No space behind the terminator: a number, a host, a file name; or Chinese with Western punctuation."""
    if quoted or _is_dots(run) or not HAN.match(text, after):
        return Decision(None, after)
    name = WORD_BEFORE.search(text, max(0, at - LOOK_BACK), at)
    western = run == "." and not (at and HAN.match(text, at - 1))
    return Decision(None if western or (name is not None and name.group().lower() in BRANDS) else after, after)


def _with_space(
    text: str, start: int, at: int, run: "re.Match[str]", after: int, words: Tables, *, small: bool, quoted: bool
) -> Decision:
    following = _skip_space(text, after)
    following = _skip_space(text, _skip_pictures(text, following))
    period = run.group() == "."
    mark = classify(text, start, at, words) if period else Mark.SENTENCE
    opener = text[following : following + 1]
    if mark is Mark.SENTENCE and (opener in SPEECH_OPENERS or (period and opener in DASHES)):
        return Decision(following, following)  # what a speaker says next needs no look at its first letter
    letter = _skip(text, following, OPENERS, spaces=True)
    if letter >= len(text) or "\n" in text[after : letter + 1] or _may_be_face(text, letter):
        return Decision(None, letter) if "\n" in text[after : letter + 1] else NOT_YET
    return _by_letter(text, start, at, following, letter, words, mark=mark, small=small, quoted=quoted)


def _by_letter(
    text: str, start: int, at: int, following: int, letter: int, words: Tables, *, mark: Mark, small: bool, quoted: bool
) -> Decision:
    """The first letter or sign of what follows tells, and behind an abbreviation the first word."""
    dots, period = _is_dots(text[at : at + 2]), text[at] == "." and text[at + 1 : at + 2] not in TERMINATORS
    if text[letter].isupper() or text[letter].istitle() or (text[letter].isalpha() and not text[letter].islower()):
        if dots:
            return _after_dots(text, start, at, following, letter)
        if text[at] != ".":
            return _after_cry(text, at, following, letter, words, quoted=quoted)
        if mark is Mark.NUMBERED:
            return _after_numbered(text, following, letter)
        if mark in {Mark.OPEN, Mark.INITIAL}:
            return _by_next_word(text, following, letter, words, named=mark is Mark.INITIAL)
        return Decision(None if mark is Mark.CONTINUES else following, letter)
    if text[letter].isalpha():
        begins = small and mark in {Mark.SENTENCE, Mark.ENDS} and not quoted and letter == following
    else:
        number = text[letter].isdigit() and not quoted and not (period and _short_before(text, at))
        begins = (number or text[letter] in SIGNS) and mark is Mark.SENTENCE
    return Decision(following if begins and not dots else None, letter)


def _after_dots(text: str, start: int, at: int, following: int, letter: int) -> Decision:
    """An ellipsis, then a capital: the end, but for a hesitation: behind one word or a filler, or before `I`."""
    if text[letter] == "I" and letter + 1 >= len(text):
        return NOT_YET
    word = WORD_BEFORE.search(text, max(start, at - LOOK_BACK), at)
    filler = word is not None and word.group().lower() in FILLERS
    goes_on = filler or ONE_WORD.match(text[start:at]) or I_FOLLOWS.match(text, letter)
    return Decision(None if goes_on else following, letter + (text[letter] == "I"))


def _after_numbered(text: str, following: int, letter: int) -> Decision:
    """Behind `Fig.` or `vol.` a sentence begins with a word; a letter or a Roman number belongs to it."""
    if letter + 1 >= len(text):
        return NOT_YET
    numbered = text[letter + 1] not in "'’" and not text[letter + 1].islower()
    return Decision(None if numbered else following, letter + 1)


def _after_cry(text: str, at: int, following: int, letter: int, words: Tables, *, quoted: bool) -> Decision:
    """A question or a cry, then a capital: the end, unless a name is written so, or a quotation's speaker follows."""
    before = WORD_BEFORE.search(text, max(0, at - LOOK_BACK), at)
    if before is not None and before.group().lower() in BRANDS:
        return _by_next_word(text, following, letter, words)
    if quoted and words.said:
        return _after_cried_quotation(text, following, letter, words)
    return Decision(following, letter)


def _after_cried_quotation(text: str, following: int, letter: int, words: Tables) -> Decision:
    """`"Really?" Anna asked.` goes on, `"Really?" Nobody moved.` does not: the word behind the next one tells."""
    name = WORD.match(text, letter)
    if name is None:
        return Decision(following, letter)
    if name.end() + 1 >= len(text):
        return NOT_YET
    if text[name.end()] != " " or name.group().lower() in words.starters:
        return Decision(following, name.end() + 1)
    verb = WORD.match(text, name.end() + 1)
    if verb is None:
        return Decision(following, name.end() + 1)
    if not _is_whole(text, verb.end()):
        return NOT_YET
    return Decision(None if verb.group().lower() in words.said else following, _seen_at(text, verb.end()))


def _by_next_word(text: str, following: int, letter: int, words: Tables, *, named: bool = False) -> Decision:
    """Behind an abbreviation that may end a sentence: it does where the next word is one that begins sentences."""
    word = WORD.match(text, letter)
    if word is None:
        return Decision(None, letter)
    end = word.end()
    if not _is_whole(text, end):
        return NOT_YET
    initial = text[end] == "." and len(word.group()) == 1
    plain = re.sub("['’ʼ]", "", word.group().lower())
    begins = plain in words.starters or word.group().lower() in words.starters
    begins = begins and not (named and plain in words.surnames)
    return Decision(following if begins and not initial else None, _seen_at(text, end))


def _is_whole(text: str, end: int) -> bool:
    """Whether a word that ends there cannot become longer: behind an apostrophe, hyphen or stop it may go on."""
    return end < len(text) and (text[end] not in JOINERS or end + 1 < len(text))


def _seen_at(text: str, end: int) -> int:
    """The index of the last character that is needed to know that a word ends there."""
    return end + (text[end] in JOINERS)


def at_newline(text: str, at: int, *, small: bool) -> Decision:
    """Decide about a line break behind text: the end, unless the line was only wrapped."""
    line = text[:at].rstrip().rstrip("".join(CLOSERS))
    if line and (line[-1] in TERMINATORS or line[-1] in ":;：；"):
        return Decision(at + 1, at)
    if HEADING.match(text, text.rfind("\n", 0, at) + 1):
        return Decision(at + 1, at)
    following = at + 1
    while following < len(text) and text[following] in " \t\r":
        following += 1
    if following >= len(text):
        return NOT_YET
    wrapped = text[following].islower() and not small
    return Decision(None if wrapped else at + 1, following)


def in_heading(text: str, at: int, *, line_start: bool) -> bool:
    """Whether a place is in a markdown heading, which ends with its line; `line_start`: the text begins a line."""
    line = text.rfind("\n", 0, at) + 1
    return (line > 0 or line_start) and HEADING.match(text, line) is not None


def _short_before(text: str, at: int) -> bool:
    """Whether a number or a short word stands before a full stop: with a number behind it, it is an abbreviation."""
    word = WORD_BEFORE.search(text, max(0, at - LOOK_BACK), at)
    return text[at - 1 : at].isdigit() or (word is not None and len(word.group()) <= SHORT)


def _may_be_face(text: str, at: int) -> bool:
    """Whether an emoticon may begin there of which only a part is known."""
    return text[at] in FACE_BEGINS and len(text) - at < 3


def _is_dots(run: str) -> bool:
    return run[0] == "…" or run.startswith("..")


def _skip(text: str, index: int, characters: frozenset[str], *, spaces: bool = False) -> int:
    while index < len(text) and (text[index] in characters or (spaces and text[index] in " \t ")):
        index += 1
    return index


def _skip_space(text: str, index: int) -> int:
    while index < len(text) and text[index].isspace() and text[index] != "\n":
        index += 1
    return index


def _skip_pictures(text: str, index: int) -> int:
    """Behind emoji and emoticons: they belong to the sentence that they comment on."""
    while index < len(text):
        if is_picture(text[index]):
            index += 1
        elif face := EMOTICON.match(text, index):
            index = face.end()
        else:
            break
    return index


def is_picture(character: str) -> bool:
    """Whether a character is an emoji or a part of one."""
    if character < "‍":
        return False
    return character in "‍︎️⃣" or (unicodedata.category(character) in {"So", "Sk"} and character > "℀")
