"""The lines of a reply, sorted: prose, list items, headings, table rows, fenced code, rules.

A reply arrives piece by piece, and a fence or a table may span many pieces, so `Blocks` keeps what it is inside of.
Fenced code is not read; a notice is given once, where it starts. A fence that says it holds text is read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

_FENCE = re.compile(r"[ >\t]{0,8}(`{3,}|~{3,})[ \t]*([^`\s]*)[^`]*\Z")
_PROSE_FENCES = frozenset(("text", "txt", "plaintext", "plain", "markdown", "md", "poem", "quote"))
_HEADING = re.compile(r"[ ]{0,3}#{1,6}(?:[ \t]+|\Z)")
_HEADING_END = re.compile(r"[ \t]#{1,6}[ \t]*\Z")
_QUOTE = re.compile(r"[ ]{0,3}(?:>[ ]?){1,9}")
_BULLET = re.compile(r"[ \t]{0,40}[-*+•‣◦▪·●○■□➤►▶➢✔✓☑][ \t]+|[ \t]{0,40}[•‣◦▪●■➤►▶➢](?=\S)")
_NUMBERED = re.compile(r"[ \t]{0,40}(\d{1,9})[.)][ \t]+(?=\S)")
_TASK = re.compile(r"\[([ xX])\][ \t]+")
_DEFINITION = re.compile(r"[ ]{0,3}\[(?!\^)[^\[\]]{1,200}\]:[ \t]*<?(?:https?:|www\.|/|#|mailto:)\S*")
_RULE = frozenset("|:-+=*_ \t~─━═│┃┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬║")
_BORDERS = re.compile("[│┃║]")
_YES = frozenset("✅✓✔☑👍🟢")
_NO = frozenset("❌✗✘✖❎👎🔴")


@dataclass(frozen=True, slots=True)
class Block:
    """One thing to say. `alone`: it is a line of its own and ends like a sentence; `notice`: said as it is."""

    text: str
    alone: bool = False
    notice: bool = False


class Blocks:
    """Sorts the lines of consecutive pieces of one reply. `notices` holds the words for code, yes, no and done."""

    def __init__(self, notices: Mapping[str, str]) -> None:
        self._notices = notices
        self._fence = ""
        self._silent = False

    def push(self, piece: str) -> list[Block]:
        """What there is to say in this piece, in order."""
        blocks: list[Block] = []
        prose: list[str] = []
        for line in piece.split("\n"):
            if self._fenced(line, blocks, prose):
                continue
            block = self._line(line)
            if block is None or block.alone:
                _close(prose, blocks)
                blocks += [block] if block else []
            else:
                prose.append(block.text)
        _close(prose, blocks)
        return blocks

    def _fenced(self, line: str, blocks: list[Block], prose: list[str]) -> bool:
        """Whether the line belongs to a fence that is not read; opens and closes fences."""
        fence = _FENCE.match(line)
        if self._fence:
            if fence and not fence.group(2) and fence.group(1).startswith(self._fence):
                self._fence = ""
                return True
            return self._silent
        if not fence:
            return False
        _close(prose, blocks)
        self._fence = fence.group(1)
        self._silent = fence.group(2).lower() not in _PROSE_FENCES
        if self._silent and self._notices.get("code"):
            blocks.append(Block(self._notices["code"], alone=True, notice=True))
        return True

    def _line(self, line: str) -> Block | None:
        """One line without its block markup; None for a line that only separates.

        The start of a piece counts as the start of a line: sentences come here with or without their line breaks.
        """
        if quote := _QUOTE.match(line):
            line = line[quote.end() :]
        stripped = _BORDERS.sub("|", line.strip())
        if not stripped or _separates(stripped) or _DEFINITION.match(line):
            return None
        if stripped.startswith("|") or " | " in stripped or "\t|" in stripped:
            return self._row(stripped)
        return self._item(line)

    def _item(self, line: str) -> Block:
        """A heading or list item stands alone; any other line is prose."""
        if heading := _HEADING.match(line):
            return Block(_HEADING_END.sub("", line[heading.end() :]), alone=True)
        if bullet := _BULLET.match(line):
            return Block(self._task(line[bullet.end() :]), alone=True)
        if numbered := _NUMBERED.match(line):
            return Block(f"{numbered.group(1)}. {self._task(line[numbered.end() :])}", alone=True)
        return Block(line)

    def _task(self, text: str) -> str:
        """A check box in front of a list item: a ticked one is said."""
        task = _TASK.match(text)
        if not task:
            return text
        done = self._notices.get("done", "") if task.group(1) != " " else ""
        return f"{done}: {text[task.end() :]}" if done else text[task.end() :]

    def _row(self, line: str) -> Block | None:
        """The cells of a table row, parted by commas; a lone tick or cross is a yes or a no."""
        cells = [self._cell(cell.strip()) for cell in line.replace("\\|", "\ue07c").split("|")]
        spoken = ", ".join(cell for cell in cells if cell)
        return Block(spoken, alone=True) if spoken else None

    def _cell(self, cell: str) -> str:
        if cell in _YES:
            return self._notices.get("yes", "")
        if cell in _NO:
            return self._notices.get("no", "")
        return "" if set(cell) <= {"-", "—", "–", ":", " "} else cell


def _separates(stripped: str) -> bool:
    """Horizontal rules, underlines of headings, delimiter rows and borders of tables."""
    if not set(stripped) <= _RULE:
        return False
    return len(stripped) >= 3 or ("|" in stripped and "-" in stripped) or stripped == "|"


def _close(prose: list[str], blocks: list[Block]) -> None:
    """Soft line breaks inside a paragraph are spaces, and nothing between two Chinese characters."""
    if prose:
        parts = [prose[0]]
        for before, line in pairwise(prose):
            parts += ["" if _is_wide(before[-1]) and _is_wide(line[0]) else " ", line]
        blocks.append(Block("".join(parts)))
        prose.clear()


def _is_wide(char: str) -> bool:
    return "\u2e80" <= char <= "\u9fff" or "\uff00" <= char <= "\uff60"
