"""How each entry of the chain follows the one before, and what happened where it does not. Rules only."""

from collections import deque
from dataclasses import dataclass, replace

from segue.console.audit import Entry
from segue.console.tampering import Fault, Gap, Kind, Odd, hash_of, lost, numbered, swapped, told

TOLD = 100
"""Faults that are told one by one; more are only counted."""
LOOKED_AT = 64
"""Odd entries that are looked at for what happened to them, and entries before one that it is compared with."""


@dataclass(frozen=True, slots=True)
class _Seen:
    seq: int
    at_us: int
    hashes: tuple[str, str]
    """The one it carries, and the one it must have."""


@dataclass(frozen=True, slots=True)
class _Guess:
    """Entries seem to have other numbers from here on; the next entry shows whether that is so."""

    entry: Entry
    faults: tuple[Fault, ...]
    cleared: tuple[int, ...]
    """Odd entries that this explains."""
    shift: int
    """What is added to the numbers of entries, if it is not so."""


class Links:
    """Takes the entries in their order, and gathers what is wrong between them."""

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque(maxlen=LOOKED_AT)
        self._odd: dict[int, Odd] = {}
        self._gaps: list[Gap] = []
        self._faults: list[Fault] = []
        self._guess: _Guess | None = None
        self._shift = 0
        self._more = 0

    @property
    def last(self) -> int:
        """The number of the last entry; 0 before the first."""
        return self._seen[-1].seq if self._seen else 0

    @property
    def shifted(self) -> bool:
        """Whether entries have other numbers here than they had."""
        return self._shift != 0

    @property
    def more(self) -> int:
        """Faults that were only counted."""
        return self._more

    def is_odd(self, seq: int) -> bool:
        """Whether an entry was found not to have the hash of its fields."""
        return seq in self._odd

    def tell(self, fault: Fault) -> None:
        """Note a fault."""
        if len(self._faults) < TOLD:
            self._faults.append(fault)
        else:
            self._more += 1

    def feed(self, entry: Entry, own: str, *, begins: bool) -> bool:
        """Look at an entry whose hash must be `own`; whether it is sound, at least under the number that it had.

        One that `begins` follows none that was seen.
        """
        sound = own == entry.hash
        if not begins and self._seen:
            sound = self._follow(entry, sound=sound)
        elif not sound:
            self._odd[entry.seq] = Odd(entry, follows=True)
        self._seen.append(_Seen(entry.seq, entry.at_us, (entry.hash, own)))
        return sound

    def faults(self, beginning: Gap | None = None) -> list[Fault]:
        """What is wrong, after the last entry. `beginning`: what is gone before the first one without a record."""
        guess = self._guess
        if guess is not None and not any(swapped(guess.entry, odd.entry) for odd in self._odd.values()):
            self._confirm(guess)
        return [*self._faults, *told(list(self._odd.values()), [*([beginning] if beginning else ()), *self._gaps])]

    def _follow(self, entry: Entry, *, sound: bool) -> bool:
        last = self._seen[-1]
        follows = entry.prev_hash in last.hashes
        if last.seq in self._odd:
            self._odd[last.seq].followed = follows
        gap = entry.seq > last.seq + 1
        if gap:
            self._miss(Gap(last.seq + 1, entry.seq - 1))
        if not sound:
            return self._renumbered(entry, follows=follows)
        self._shift, self._guess = 0, None
        known = follows or gap or last.seq in self._odd
        if not known:
            sentence = f"Entry {last.seq} was changed: entry {entry.seq} follows another one than this."
            self.tell(Fault(last.seq, Kind.CHANGED, sentence))
        elif entry.at_us < last.at_us and last.seq not in self._odd:
            sentence = f"Entry {entry.seq} is older than entry {last.seq}, which it follows."
            self.tell(Fault(entry.seq, Kind.BACKWARDS, sentence))
        return True

    def _miss(self, gap: Gap) -> None:
        if len(self._gaps) < TOLD:
            self._gaps.append(gap)
        else:
            self.tell(lost(gap))

    def _renumbered(self, entry: Entry, *, follows: bool) -> bool:
        """Whether an entry is sound under another number, since some were put in or taken out before it."""
        if self._shift and numbered(entry, entry.seq - self._shift):
            if self._guess is not None:
                self._confirm(self._guess)
            return True
        if self._guess is not None:
            self._shift, self._guess = self._guess.shift, None
        if len(self._odd) >= LOOKED_AT:
            self.tell(Fault(entry.seq, Kind.CHANGED, f"Entry {entry.seq} does not have the hash it carries."))
            return False
        belongs = hash_of(replace(entry, prev_hash=self._seen[-1].hashes[0])) == entry.hash
        self._odd[entry.seq] = Odd(entry, follows or belongs)
        if not follows:
            self._put_in(entry)
            self._taken_out(entry)
        return self._guess is not None

    def _put_in(self, entry: Entry) -> None:
        """See whether it follows an earlier entry, so that those between do not belong there."""
        before = list(self._seen)
        for many in range(1, len(before)):
            if entry.prev_hash in before[-many - 1].hashes and numbered(entry, entry.seq - self._shift - many):
                strangers = tuple(seen.seq for seen in before[-many:])
                faults = tuple(
                    Fault(seq, Kind.INSERTED, f"Entry {seq} was put in: what comes after it follows what was before.")
                    for seq in strangers
                )
                self._guess = _Guess(entry, faults, (*strangers, entry.seq), self._shift)
                self._shift += many
                return

    def _taken_out(self, entry: Entry) -> None:
        """See whether it had a greater number, so that some before it were taken out."""
        for many in range(1, LOOKED_AT) if self._guess is None else ():
            if numbered(entry, entry.seq - self._shift + many):
                gone = "1 entry is" if many == 1 else f"{many} entries are"
                sentence = f"{gone} missing before entry {entry.seq}; those after that were given other numbers."
                fault = Fault(entry.seq, Kind.MISSING, sentence)
                self._guess = _Guess(entry, (fault,), (entry.seq,), self._shift)
                self._shift -= many
                return

    def _confirm(self, guess: _Guess) -> None:
        for fault in guess.faults:
            self.tell(fault)
        for seq in guess.cleared:
            self._odd.pop(seq, None)
        self._guess = None
