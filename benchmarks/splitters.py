"""Segue's sentence assembler and others, behind one face: tokens in, pieces out.

Those made for whole texts are used the only way there is in a stream: with every token the text that is left is
segmented again, and all but the last segment go out: at once, or when as much follows as LiveKit's streams wait for.
None of them is told anything that the others are not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

import segue
from segue.voice.sentences import SentenceAssembler

CONTEXT = 10
"""How many characters LiveKit's streams want to see; lent to those that know nothing of streams."""


class Splitter(Protocol):
    """What a stream of tokens goes through."""

    def push(self, token: str) -> Sequence[str]:
        """The pieces that this token completes."""

    def flush(self) -> Sequence[str]:
        """The rest."""


@dataclass(frozen=True, slots=True)
class Entrant:
    """One way to split; `package` is the distribution it comes from, `make` gives a fresh one for a language."""

    name: str
    package: str
    make: Callable[[str], Splitter]


class Growing:
    """Segments the text that is left with every token; everything but the last segment is emitted.

    Args:
        segment: the tool.
        behind: how many characters must stand behind a segment before it is believed.
    """

    def __init__(self, segment: Callable[[str], Sequence[str]], behind: int) -> None:
        self._segment = segment
        self._behind = behind
        self._text = ""

    def push(self, token: str) -> list[str]:
        """The segments that are followed by another one."""
        self._text += token
        pieces = []
        for segment in self._segment(self._text)[:-1]:
            body = segment.strip()
            at = self._text.find(body)
            if not body or at < 0:
                continue
            end = at + len(body)
            if len(self._text) - end < self._behind:
                break
            pieces.append(self._text[:end])
            self._text = self._text[end:]
        return pieces

    def flush(self) -> list[str]:
        """The last segments."""
        rest, self._text = self._text, ""
        pieces = []
        for segment in self._segment(rest)[:-1] if rest.strip() else []:
            body = segment.strip()
            at = rest.find(body)
            if body and at >= 0:
                pieces.append(rest[: at + len(body)])
                rest = rest[at + len(body) :]
        return [*pieces, rest] if rest else pieces


class Stream2Sentence:
    """The rule-based splitter of stream2sentence, which is its default."""

    def __init__(self, language: str, *, quick: bool) -> None:
        from stream2sentence import SentenceSplitter  # noqa: PLC0415 - only the benchmark's packages have it

        self._splitter: Any = SentenceSplitter(language=language, quick_yield_single_sentence_fragment=quick)

    def push(self, token: str) -> list[str]:
        """What it yields now."""
        self._splitter.add(token)
        return list(self._splitter.stream())

    def flush(self) -> list[str]:
        """What it yields at the end."""
        return list(self._splitter.flush())


class LiveKit:
    """A sentence stream of LiveKit's agents. It has to be made and used where an event loop runs."""

    def __init__(self, tokenizer: Any) -> None:
        self._stream = tokenizer.stream()

    def push(self, token: str) -> list[str]:
        """What is in its channel now."""
        self._stream.push_text(token)
        return self._taken()

    def flush(self) -> list[str]:
        """What is in its channel at the end."""
        self._stream.flush()
        return self._taken()

    def _taken(self) -> list[str]:
        # Its public face waits for the next piece; only the channel can say that there is none yet.
        channel = self._stream._event_ch
        return [channel.recv_nowait().token for _ in range(channel.qsize())]


def _pysbd(language: str, behind: int) -> Splitter:
    import pysbd  # noqa: PLC0415 - only the benchmark's packages have it

    known = {"uk": "ru"}  # it has no Ukrainian; Russian is the nearest
    return Growing(pysbd.Segmenter(language=known.get(language, language), clean=False).segment, behind)


def _sentencex(language: str, behind: int) -> Splitter:
    import sentencex  # noqa: PLC0415 - only the benchmark's packages have it

    return Growing(lambda text: sentencex.segment(language, text), behind)


def _blingfire(_language: str) -> Splitter:
    from livekit.agents.tokenize import blingfire  # noqa: PLC0415 - only the benchmark's packages have it

    return LiveKit(blingfire.SentenceTokenizer(retain_format=True))  # as LiveKit's own speech pipeline does


def _basic(_language: str) -> Splitter:
    from livekit.agents.tokenize import basic  # noqa: PLC0415 - only the benchmark's packages have it

    return LiveKit(basic.SentenceTokenizer(retain_format=True))


ENTRANTS = (
    Entrant("Segue, whole sentences", "segue", lambda language: SentenceAssembler(language, first_clause=False)),
    Entrant("Segue", "segue", SentenceAssembler),
    Entrant("stream2sentence", "stream2sentence", lambda language: Stream2Sentence(language, quick=False)),
    Entrant("stream2sentence, quick", "stream2sentence", lambda language: Stream2Sentence(language, quick=True)),
    Entrant("LiveKit blingfire", "livekit-agents", _blingfire),
    Entrant("LiveKit basic", "livekit-agents", _basic),
    Entrant("sentencex", "sentencex", lambda language: _sentencex(language, 0)),
    Entrant("sentencex, 10 behind", "sentencex", lambda language: _sentencex(language, CONTEXT)),
    Entrant("pysbd", "pysbd", lambda language: _pysbd(language, 0)),
    Entrant("pysbd, 10 behind", "pysbd", lambda language: _pysbd(language, CONTEXT)),
)


def versions() -> dict[str, str]:
    """The versions of the packages that take part."""
    others = {entrant.package for entrant in ENTRANTS} - {"segue"}  # that may be run from its folder, not installed
    return {"segue": segue.__version__, **{package: version(package) for package in sorted(others)}}
