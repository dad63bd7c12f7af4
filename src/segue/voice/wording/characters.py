"""The character level of speakable text: what is invisible, what is a picture, and how punctuation is tidied.

`normalise` runs first and gives later rules one way of writing each thing; `tidy` runs last and leaves only letters,
spaces and the punctuation that shapes prosody. Every pattern is linear in the text.
"""

import re
import unicodedata

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufe00-\ufe0f\ufff0-\ufffd\U000e0000-\U000e0fff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"
    "\ue000-\uf8ff\ud800-\udfff\U000f0000-\U0010ffff]"
)
_SPACES = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_NEWLINES = re.compile("\r\n?|[\u0085\u2028\u2029]")
# Full-width letters, digits and signs, mathematical alphabets, ligatures, circled numbers: one plain form for each.
_COMPATIBLE = re.compile(
    "[\uff04-\uff07\uff0a\uff0b\uff0d-\uff19\uff1c-\uff1e\uff20-\uff3a\uff3c\uff41-\uff5a\uffe0-\uffe6\ufb00-\ufb06"
    "\u2080-\u2089\u2460-\u24ff\u2150-\u215f\u2160-\u2188\u2189\u00bc-\u00be\U0001d400-\U0001d7ff"
    "\U0001f100-\U0001f10a\u33a1\u33a5\u339c-\u339e\u338e\u338f\u33c4\u210e\u210f\u2103\u2109\u2126\u212a\u212b]"
)
_EMOJI = (
    "\u203c\u2049\u20e3\u2122\u2139\u231a-\u23ff\u24c2\u2580-\u25ff\u2600-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d"
    "\u3297\u3299\u00a9\u00ae\U0001f000-\U0001f0ff\U0001f10d-\U0001faff\U0001fb00-\U0001fbef"
)
_PICTURE = re.compile(f"[{_EMOJI}]+")
_KEYCAP = re.compile("([0-9#*])\ufe0f?\u20e3")
_ARROW = re.compile(r"[ ]?(?:<?[-=]{1,3}>+|<-{1,2}(?=\s)|[\u2190-\u21ff\u2794\u2798-\u27af\u27f0-\u27ff\u2900-\u297f"
                    r"\u2b05-\u2b07\U0001f800-\U0001f8ff])[ ]?")  # fmt: skip
_DASHES = str.maketrans({"\u2010": "-", "\u2011": "-", "\u2012": "–", "\u2015": "—", "\u2043": "-", "\ufe63": "-",
                         "\uff0d": "-", "\u2212": "−", "\u2044": "/", "\u2215": "/", "\u2217": "*", "\u2236": ":",
                         "\u02bc": "'", "\u2024": "."})  # fmt: skip
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUPERSCRIPT = re.compile("([^\\W_⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ])?([⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+)")


def normalise(text: str) -> str:
    """The text with one way of writing each space, dash, digit and letter, and without what cannot be seen.

    Keycaps keep their digit (1️⃣ → 1); the pictures themselves stay until `without_pictures`, for a ✅ alone in a
    table cell means yes.
    """
    text = unicodedata.normalize("NFC", text)
    text = _NEWLINES.sub("\n", text)
    text = _KEYCAP.sub(r" \1 ", text)
    text = _SPACES.sub(" ", text)
    text = text.replace("\u2018\u2018", '"')
    text = _INVISIBLE.sub("", text)
    text = _COMPATIBLE.sub(_compatible, text)
    text = _SUPERSCRIPT.sub(_superscript, text)
    return _foreign_digits(text.translate(_DASHES))


def _compatible(match: re.Match[str]) -> str:
    """The plain form of one compatibility character; fractions get a space, so that 2½ is not read as 21/2."""
    sign = match.group()
    plain = unicodedata.normalize("NFKC", sign).translate(_DASHES)
    return f" {plain} " if "/" in plain or "\u2460" <= sign <= "\u24ff" else plain


def _superscript(match: re.Match[str]) -> str:
    """² and ³ stay (they belong to units), longer powers become `^…`, a footnote number behind a word goes."""
    before, power = match.group(1) or "", match.group(2)
    if power in ("²", "³"):
        return before + power
    if before.isalpha() and power.isdecimal() and not _is_variable(match):
        return before
    return f"{before}^{power.translate(_SUPERSCRIPTS)}"


def _is_variable(match: re.Match[str]) -> bool:
    """A single letter carries a power; a word carries a footnote."""
    at = match.start()
    return at == 0 or not match.string[at - 1].isalpha()


def _foreign_digits(text: str) -> str:
    """Digits of other scripts (Arabic, Devanagari …) and numbers in circles as ASCII digits."""
    table = {ord(char): _ascii(char) for char in set(text) if char > "\x7f" and char not in "²³"}
    changed = {code: digits for code, digits in table.items() if digits}
    return text.translate(changed) if changed else text


def _ascii(char: str) -> str:
    """The ASCII digits of a character that is a number and no letter; "" of any other."""
    if unicodedata.category(char) not in ("Nd", "No", "Nl"):
        return ""
    value = unicodedata.numeric(char, 0.5)
    digits = str(int(value)) if value == int(value) else ""
    return digits if unicodedata.category(char) == "Nd" else f" {digits} "


def without_arrows(text: str) -> str:
    """Arrows become a comma: what they join is heard in order."""
    return _ARROW.sub(", ", text)


def without_pictures(text: str) -> str:
    """Emoji, flags, dingbats and geometric shapes are not spoken; the words around them stay apart."""
    return _PICTURE.sub(" ", text)


_BOX = re.compile("[\u2500-\u257f]+")
_BULLET = re.compile(r"[ ]?[•‣◦∙⁃▪·][ ]")
_RUN_OF_MARKS = re.compile(r"[.,;:!?…。，；：！？、](?:[ ]?[.,;:!?…。，；：！？、])+")
_NEVER_FIRST = " -.,;:!?…。，；：！？、)]»”"
_MARKUP = re.compile(r"[*_`#~|<>\[\]{}\\^¶†‡¦¬¨¯´¸ˆ˜⁄※〃〓〒○●◎]+")
_SIGNS = re.compile("[+=@$§′″‴×÷±≈≤≥≠√∞%‰°№&¢£¥€₴₽₸₹₿/¤]+")
_SPACE_BEFORE = re.compile(r"\s+([,.;:!?…)\]»”’。，！？；：、）])")
_SPACE_AFTER_OPEN = re.compile(r"([(«“„（])\s+")
_EMPTY = re.compile(r"\([ ]?\)|«[ ]?»|“[ ]?”|„[ ]?“|（[ ]?）")


def tidy(text: str, *, signs: bool = False) -> str:
    """Only words, spaces and the marks a voice can use: no markup left, no doubled marks, no empty brackets.

    `signs` keeps the signs of money and arithmetic, for languages in which nothing has put them into words.
    """
    text = _MARKUP.sub(" ", _BOX.sub(" ", text))
    if not signs:
        text = _SIGNS.sub(" ", text)
    text = re.sub(r"\s+", " ", text)
    text = _BULLET.sub(", ", text)
    text = re.sub(r"(?:(?<=[ ])|^)[-–](?=[ ]|$)|-{2,}", " — ", text)
    text = _EMPTY.sub(" ", _EMPTY.sub(" ", text))
    text = re.sub(r"\s+", " ", text)
    text = _SPACE_BEFORE.sub(r"\1", text)
    text = _SPACE_AFTER_OPEN.sub(r"\1", text)
    text = _RUN_OF_MARKS.sub(_one_mark, text)
    return text.lstrip(_NEVER_FIRST).rstrip(" -–—")


def _one_mark(match: re.Match[str]) -> str:
    """`!!!` → `!`, `?!?!` → `?!`, `....` → `…`, `,.` → `.`; the comma behind an abbreviation stays: `etc.,`."""
    run = match.group().replace(" ", "")
    wide = any(mark in run for mark in "！？。，；：、")
    if any(mark in run for mark in "?!？！"):
        asks, calls = any(mark in run for mark in "?？"), any(mark in run for mark in "!！")
        return ("？" if wide else "?") * asks + ("！" if wide else "!") * calls
    if run in (".,", ".，"):
        return run[1]
    if "…" in run or run.count(".") > 1:
        return "…"
    return next((mark for mark in ".。;；:：" if mark in run), run[0])
