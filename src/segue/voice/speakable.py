"""What may be spoken of a text: no markup, no noise, every word kept, numbers as words.

The path of one piece: characters → reasoning → tags → lines → inline markup → verbalisation → tidy punctuation. What
cannot be read aloud is replaced by a short notice in the language of the reply (fenced code), never by silence. An
unknown language gets everything but the verbalisation, so that its digits reach the engine as they are.
"""

import re

from segue.voice.wording.blocks import Block, Blocks
from segue.voice.wording.characters import normalise, tidy, without_arrows, without_pictures
from segue.voice.wording.formulas import without_latex
from segue.voice.wording.markup import ReasoningFilter, plain, without_tags
from segue.voice.wording.verbalise import GRAMMARS, verbaliser

_ENDS = re.compile(r"[.!?…:;,。！？：；，、][\"»”’」』)）]*\Z")
_LONE_CLOSING = re.compile(r"</(?:think|thinking|thought|reasoning)\s*>|\[/THINK\]", re.IGNORECASE)
_OPENING = re.compile(r"<(?:think|thinking|thought|reasoning)\b|\[THINK\]", re.IGNORECASE)
_HAN_GAP = re.compile(r"(?<=[\u3000-\u9fff\uff00-\uff60])[ ](?=[\u3000-\u9fff\uff00-\uff60])")
_HAN_LATIN = re.compile(r"(?<=[\u3400-\u9fff])(?=[A-Za-z])|(?<=[A-Za-z])(?=[\u3400-\u9fff])")
_BETWEEN = {"zh": ("。", "")}


class SpeakableStream:
    """Speakable text over the consecutive sentences of one reply.

    It remembers between pieces whether it is inside reasoning or a fence. A closing reasoning tag without an opening
    one drops what stands before it in the same piece: it was reasoning whose beginning was in the prompt.
    """

    def __init__(self, language: str) -> None:
        self._language = language
        self._verbaliser = verbaliser(language) if language in GRAMMARS else None
        self._notices = GRAMMARS[language].words.notices if language in GRAMMARS else {}
        self._reasoning = ReasoningFilter()
        self._blocks = Blocks(self._notices)

    def push(self, sentence: str) -> str:
        """What to say of the next piece; "" if nothing of it can be spoken."""
        text = self._without_reasoning(normalise(sentence))
        blocks = self._blocks.push(without_tags(text))
        return self._join([self._spoken(block) for block in blocks])

    def _without_reasoning(self, text: str) -> str:
        if not self._reasoning.inside and (closing := _LONE_CLOSING.search(text)):
            opening = _OPENING.search(text)
            quoted = closing.start() > 0 and text[closing.start() - 1] == "`"
            if not quoted and (opening is None or opening.start() > closing.start()):
                text = text[closing.end() :]
        return self._reasoning.push(text) + self._reasoning.release()

    def _spoken(self, block: Block) -> str:
        if block.notice:
            return block.text
        text = plain(without_latex(block.text))
        text = " ".join(without_pictures(without_arrows(" ".join(text.split()))).split())
        if self._verbaliser:
            text = self._verbaliser.verbalise(text)
        text = tidy(text, signs=self._verbaliser is None)
        if self._verbaliser:
            text = self._verbaliser.settle(text)
        return _HAN_LATIN.sub(" ", _HAN_GAP.sub("", text)) if self._language == "zh" else text

    def _join(self, spoken: list[str]) -> str:
        """Blocks one after another; one that ends without punctuation gets a full stop, so that a pause is heard."""
        stop, gap = _BETWEEN.get(self._language, (".", " "))
        said = [text for text in spoken if any(char.isalnum() for char in text)]
        ended = [text if _ENDS.search(text) else text + stop for text in said[:-1]]
        return gap.join([*ended, *said[-1:]])


def speakable(text: str, language: str) -> str:
    """What may be spoken of one piece of text. `language` is en, ru, uk or zh; of others only markup is removed."""
    return SpeakableStream(language).push(text)
