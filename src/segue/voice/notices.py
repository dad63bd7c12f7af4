"""What a listener is told when a turn is not served as asked: once for each reason and provider. Pure state.

A language model and a synthesizer may go by the same name; they are told apart.
"""

from dataclasses import dataclass, field

from segue.voice.casting import Casting
from segue.voice.frames import Degraded
from segue.voice.rendering import Sentence
from segue.voice.speaking import Packet


@dataclass(slots=True)
class Notices:
    """Compares who writes and speaks with who was to; `model` and `synthesizer` are the first choices."""

    model: str
    synthesizer: str
    casting: Casting
    _writer: str = ""
    _told: set[tuple[str, str, str | None]] = field(default_factory=set)

    def of(self, piece: Sentence | Packet) -> list[Degraded]:
        """What has to be said before this piece."""
        if isinstance(piece, Sentence):
            role, told = "model", self._of_sentence(piece)
        else:
            role, told = "synthesizer", self._of_packet(piece)
        fresh = [notice for notice in told if (role, notice.reason, notice.provider) not in self._told]
        self._told.update((role, notice.reason, notice.provider) for notice in fresh)
        return fresh

    def _of_sentence(self, sentence: Sentence) -> list[Degraded]:
        writer, before = sentence.writer, self._writer
        self._writer = writer
        if not writer or writer == (before or self.model):
            return []
        if before:
            return [Degraded("resumed", f"{before} broke off; {writer} goes on with the reply.", writer)]
        return [Degraded("fallback", f"{writer} answers instead of {self.model}.", writer)]

    def _of_packet(self, packet: Packet) -> list[Degraded]:
        who, voice = packet.provider, packet.voice
        notices = []
        if packet.resumed:
            notices.append(Degraded("resumed", f"{who} goes on where a sentence had broken off.", who, voice))
        elif who != self.synthesizer:
            notices.append(Degraded("fallback", f"{who} speaks instead of {self.synthesizer}.", who, voice))
        if self.casting.substituted(who):
            message = f"{voice} is heard instead of {self.casting.asked}."
            notices.append(Degraded("substituted", message, who, voice))
        return notices
