"""What language models write around their words: reasoning blocks, HTML tags, inline markdown.

`ReasoningFilter` works on a stream of tokens, before sentences are cut; `without_tags` on one piece of text;
`plain` on one block whose lines `blocks` has already sorted out. The order of the rules matters: images before links
(else `![chart](u)` leaves an exclamation mark), code before emphasis, and only known or paired tags are tags (else
`3 < 5 and 7 > 2` loses its middle). Every pattern is linear in the text.
"""

import html
import re

_OPEN_OR_CLOSE = re.compile(
    r"<(/?)(think|thinking|thought|reasoning)(?:[ \t][^<>\n]{0,80})?>|\[(/?)THINK\]", re.IGNORECASE
)
_MARK = re.compile(r"[<\[]")
# the longest text that may still become a tag
_HELD_MOST = 96
_NAMES = ("thinking", "reasoning", "thought", "think")


def _could_be_tag(held: str) -> bool:
    """Whether `held`, which starts with `<` or `[` and is not yet a tag, may become one with more characters."""
    if len(held) > _HELD_MOST or "\n" in held:
        return False
    lowered = held.lower()
    if lowered[0] == "[":
        return "[think]".startswith(lowered) or "[/think]".startswith(lowered)
    body = lowered[1:].removeprefix("/")
    if any(name.startswith(body) for name in _NAMES):
        return True
    return re.match(r"(?:thinking|reasoning|thought|think)[ \t][^<>]*\Z", body) is not None


class ReasoningFilter:
    """Removes `<think>…</think>` (also thinking, thought, reasoning, [THINK]) from a stream of tokens.

    What it lets through does not depend on where the tokens were cut, and everything that cannot be part of a tag
    leaves at once: `3 < 5` waits for nothing. The decisions:

    - an opened block that is never closed is dropped; what stood before it has already been passed on;
    - the first closing tag ends the block, whatever was opened inside it;
    - a closing tag without an opening one is removed, and nothing else: what stood before it has been spoken by then.
      Models whose prompt already holds the opening tag are read with `starts_inside=True`: text is held until the
      closing tag, and if none ever comes, `flush` gives it back, for then it was the answer;
    - a tag right behind a backtick, or inside fenced code, is being written about, not used, and passes.
    """

    def __init__(self, *, starts_inside: bool = False) -> None:
        self._inside = starts_inside
        self._give_back = starts_inside
        self._dropped: list[str] = []
        self._held = ""
        self._last = ""
        self._line = ""
        self._fenced = False

    @property
    def inside(self) -> bool:
        """Whether the stream is inside a reasoning block."""
        return self._inside

    def push(self, token: str) -> str:
        """What of the text so far may go on. Empty while inside a block."""
        out: list[str] = []
        text, self._held = self._held + token, ""
        at = 0
        while at < len(text):
            found = _MARK.search(text, at)
            mark = found.start() if found else len(text)
            self._pass(text[at:mark], out)
            if not found:
                break
            tag = _OPEN_OR_CLOSE.match(text, mark)
            if tag and not self._quoted():
                self._turn(out, closing="/" in (tag.group(1), tag.group(3)))
                at = tag.end()
            elif tag:
                self._pass(tag.group(), out)
                at = tag.end()
            elif _could_be_tag(text[mark : mark + _HELD_MOST + 1]):
                self._held = text[mark:]
                break
            else:
                self._pass(text[mark], out)
                at = mark + 1
        return "".join(out)

    def flush(self) -> str:
        """What was held back at the end of the stream: an unfinished tag, or an answer mistaken for reasoning."""
        out: list[str] = []
        held, self._held = self._held, ""
        self._pass(held, out)
        if self._give_back:
            out = self._dropped
        self._dropped, self._inside, self._give_back = [], False, False
        return "".join(out)

    def release(self) -> str:
        """The unfinished tag alone, when the caller knows that its piece of text ends here."""
        out: list[str] = []
        held, self._held = self._held, ""
        self._pass(held, out)
        return "".join(out)

    def _quoted(self) -> bool:
        return self._last == "`" or (self._fenced and not self._inside)

    def _turn(self, out: list[str], *, closing: bool) -> None:
        if not closing and self._give_back:
            out += self._dropped
        self._dropped, self._give_back = [], False
        self._inside = not closing
        self._last = ">"

    def _pass(self, text: str, out: list[str]) -> None:
        """Hand `text` on, or drop it inside a block; keep track of fences on the way."""
        if not text:
            return
        self._last = text[-1]
        if self._inside:
            if self._give_back:
                self._dropped.append(text)
            return
        out.append(text)
        head, newline, tail = text.rpartition("\n")
        for line in (self._line + head).split("\n") if newline else ():
            if line.lstrip(" ").startswith(("```", "~~~")):
                self._fenced = not self._fenced
        self._line = (tail if newline else self._line + text)[:8]


_TAG = re.compile(r"`[^`\n]*`|<!--|<(/?)([A-Za-z][A-Za-z0-9-]{0,30})((?:\s[^<>]{0,500})?)/?>")
_INLINE_TAGS = frozenset(
    "a abbr b bdi bdo big cite code data del dfn em font i img input ins kbd label mark q ruby rt rp s samp small span "
    "strike strong sub sup time tt u var wbr nobr center button svg path picture source video audio iframe".split()
)
_BLOCK_TAGS = frozenset(
    "address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer form h1 "
    "h2 h3 h4 h5 h6 head header hr html li main nav ol option p pre section select summary table tbody textarea tfoot "
    "thead title tr ul".split()
)
_CELL_TAGS = frozenset(("td", "th"))
_UNHEARD_TAGS = ("script", "style")
_BARE_ATTRIBUTES = re.compile(r"(?:\s+(?:checked|disabled|hidden|open|selected|controls|async|defer))*\s*/?\Z")


def without_tags(text: str) -> str:
    """The text without HTML: block tags become line breaks, scripts and closed comments go, code spans stay.

    A `<word>` that is neither an HTML tag nor closed further on is a placeholder; its word is kept.
    """
    if "<" not in text:
        return text
    for name in _UNHEARD_TAGS:
        text = _without_element(text, re.compile(rf"<{name}\b[^<>]*>", re.IGNORECASE), f"</{name}>")
    text = _without_element(text, re.compile("(?<!`)<!--"), "-->")
    closed = {match.group(1).lower() for match in re.finditer(r"</([A-Za-z][A-Za-z0-9-]{0,30})\s{0,9}>", text)}

    def spoken(match: re.Match[str]) -> str:
        closing, name, attributes = match.group(1), match.group(2), match.group(3) or ""
        if name is None:
            return match.group() if match.group().startswith("`") else " "
        lowered = name.lower()
        known = lowered in _INLINE_TAGS or lowered in _BLOCK_TAGS or lowered in _CELL_TAGS
        if not (closing or "=" in attributes or _BARE_ATTRIBUTES.match(attributes)):
            return match.group()
        if lowered in _BLOCK_TAGS:
            return "\n\n"
        if lowered in _CELL_TAGS:
            return " | "
        return "" if known or closing or lowered in closed else f" {name} "

    return _TAG.sub(spoken, text)


def _without_element(text: str, opening: re.Pattern[str], closing: str) -> str:
    """The text without what stands from each `opening` to its `closing`; unclosed ones stay."""
    lowered, parts, at = text.lower(), [], 0
    while (match := opening.search(text, at)) and (end := lowered.find(closing, match.end())) >= 0:
        parts += [text[at : match.start()], " "]
        at = end + len(closing)
    return "".join((*parts, text[at:]))


# Characters that must not be taken for markup wait in a private area while the rules run.
_SHELTER = 0xE000
_SHELTERED = re.compile("[\ue000-\ue07f]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_CODE = re.compile(r"(`+)([^`]+)\1")
_IMAGE = re.compile(
    r"!\[([^\[\]]{0,1000})\](?:\([^()\s]{0,2000}(?:\s+[\"'][^\"'\n]{0,300}[\"'])?\)|\[[^\[\]]{0,200}\])"
)
_LINK = re.compile(
    r"\[([^\[\]]{0,2000})\](?:\(\s*<?[^()\s<>]{0,2000}(?:\([^()\s]{0,500}\)[^()\s<>]{0,500}){0,3}>?"
    r"(?:\s+[\"'(][^\"'()\n]{0,300}[\"')])?\s*\)|\[[^\[\]]{0,200}\])"
)
_FOOTNOTE = re.compile(r"\s?\[\^[^\[\]\s]{1,60}\]:?|【[^【】]{0,80}】")
_CITATION = re.compile(
    r"(?<=[^\W\d_][^\W\d_])\s?(?:\[\d{1,3}\])+(?=[\s.,;:!?)]|$)(?!\s*=)|(?<=[.!?])\s?(?:\[\d{1,3}\])+"
)
_STRUCK = re.compile(r"~~(?=[^\s~])[^~\n]*(?<=[^\s~])~~")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_POWER = re.compile(r"(?<=[\d)])(?:\*\*| \*\* )(?=[\d(-])|(?<![^\W_])([A-Za-z])(?:\*\*| \*\* )(?=\d)")
_TIMES = re.compile(
    r"(?<=[\d)])(?:\*| \* )(?=[\d(]|[A-Za-z](?![^\W_]))|(?<![^\W_])([A-Za-z])(?:\*| \* )(?=[\d(]|[A-Za-z](?![^\W_]))"
)


def _shelter(text: str) -> str:
    return "".join(chr(_SHELTER + ord(char)) if char in "*_~[]<>|#`\\!$" else char for char in text)


def plain(text: str) -> str:
    """One block of text without inline markdown: links keep their words, code its words, struck-through text goes."""
    text = _CODE.sub(lambda match: _shelter(match.group(2)), text)
    text = _ESCAPED.sub(lambda match: chr(_SHELTER + ord(match.group(1))), text)
    if "[" in text or "【" in text:
        text = _FOOTNOTE.sub("", text)
        text = _IMAGE.sub(r"\1", text)
        text = _LINK.sub(r"\1", text)
        text = _CITATION.sub("", text)
    text = _STRUCK.sub(" ", text)
    text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    text = _arithmetic(text)
    text = text.replace("*", "")
    text = _SHELTERED.sub(lambda match: chr(ord(match.group()) - _SHELTER), text)
    return _arithmetic(text)


def _arithmetic(text: str) -> str:
    """Stars between operands are arithmetic: `2*3*4` → 2 × 3 × 4, `2**10` → 2^10; all others are emphasis."""
    if "*" not in text:
        return text
    text = _POWER.sub(lambda match: (match.group(1) or "") + "^", text)
    return _TIMES.sub(lambda match: (match.group(1) or "") + " × ", text)
