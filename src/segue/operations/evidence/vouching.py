"""Whether evidence is what was put on record: what its signature and its entry in the audit say together. Rules only.

A signature alone cannot tell a changed payload from a signature that was taken elsewhere; the entry, which has the
payload's digest, can.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from segue.console.heads import Trust
from segue.operations.evidence.envelope import Envelope, vouched
from segue.operations.report import Check, Figure, Level


class Seal(StrEnum):
    """What the signature of evidence shows."""

    HOLDS = "holds"
    """A trusted key signed this payload."""
    BROKEN = "broken"
    """A trusted key signed something else."""
    UNKNOWN = "unknown_key"
    """No trusted key has this id."""
    ABSENT = "unsigned"
    """Nobody signed."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The entry that evidence names, as it was looked for. `item` is it as `/api/audit` tells it; None if none is."""

    item: Mapping[str, Any] | None = None
    why_not: str = ""
    """Why it could not be looked for; empty where it was."""
    pruned: bool = False
    """Whether the audit begins behind it: old entries are removed."""


def seal(envelope: Envelope, trust: Trust) -> tuple[Seal, str]:
    """What the signature shows, and the ids of the keys that it is about."""
    found = vouched(envelope, trust)
    for wanted, shown in ((False, Seal.BROKEN), (True, Seal.HOLDS), (None, Seal.UNKNOWN)):
        if keys := [key for key, holds in found.items() if holds is wanted]:
            return shown, ", ".join(keys)
    return Seal.ABSENT, ""


def judged(name: str, envelope: Envelope | None, trust: Trust, entered: Entered) -> tuple[Check, ...]:
    """The checks of one file: `evidence.<name>.signature` and `evidence.<name>.entry`."""
    beginning = f"evidence.{name}"
    if envelope is None:
        return (Check(f"{beginning}.signature", Level.FAIL, "This is no evidence: there is no envelope in it."),)
    shown, keys = seal(envelope, trust)
    entry = _entry(f"{beginning}.entry", envelope, entered)
    return _signature(f"{beginning}.signature", shown, keys, envelope, entered), entry


def _signature(name: str, shown: Seal, keys: str, envelope: Envelope, entered: Entered) -> Check:
    if shown is Seal.HOLDS:
        return Check(name, Level.PASS, f"The key {keys} signed this payload.", {"seal": shown.value, "key": keys})
    if shown is Seal.UNKNOWN:
        hint = "Put its public half into `audit-keys` of the data folder, or name it with --key."
        reason = f"It is signed by the key {keys}, which is not among those that are trusted here."
        return Check(name, Level.FAIL, reason, {"seal": shown.value, "key": keys}, hint)
    if shown is Seal.ABSENT:
        why = str(envelope.audit.get("missing") or "it does not say why")
        return Check(name, Level.FAIL, f"Nobody signed it: {why}", {"seal": shown.value}, _ANEW)
    what = "the payload was changed, or the signature is that of something else"
    if entered.item is not None:
        moved = entered.item.get("after") == envelope.digest
        what = "the signature is that of something else: the payload is what was entered" if moved else _TAMPERED
    return Check(
        name, Level.FAIL, f"The key {keys} did not sign this: {what}.", {"seal": shown.value, "key": keys}, _ANEW
    )


def _entry(name: str, envelope: Envelope, entered: Entered) -> Check:
    seq, digest = envelope.audit.get("seq"), envelope.digest
    if seq is None:
        why = str(envelope.audit.get("missing") or "it does not say why")
        hint = "The next start of the server on its data folder enters it."
        return Check(name, Level.WARN, f"It is in no audit yet: {why}", {}, hint)
    figures: dict[str, Figure] = {"seq": seq if isinstance(seq, int) else str(seq), "digest": digest}
    if entered.why_not:
        return Check(name, Level.NOT_MEASURED, f"Entry {seq} was not looked up: {entered.why_not}", figures)
    if entered.pruned:
        reason = f"Entry {seq} is older than the audit goes back; the signature alone vouches for it."
        return Check(name, Level.NOT_MEASURED, reason, figures)
    return _compared(name, envelope, entered.item, figures)


def _compared(name: str, envelope: Envelope, item: Mapping[str, Any] | None, figures: Mapping[str, Figure]) -> Check:
    seq, digest = envelope.audit["seq"], envelope.digest
    if item is None:
        reason = f"The audit has no such entry {seq}."
        return Check(
            name, Level.FAIL, reason, figures, "Is it the server that the evidence is of? `segue audit verify`."
        )
    if item.get("after") != digest:
        reason = f"Entry {seq} has the digest {str(item.get('after'))[:12]}…, the payload {digest[:12]}…."
        return Check(name, Level.FAIL, reason, figures, _ANEW)
    if item.get("hash") != envelope.audit.get("hash"):
        reason = f"Entry {seq} is of this payload, but has another hash than the evidence says."
        return Check(name, Level.FAIL, reason, figures, "Verify the chain: `segue audit verify`.")
    return Check(name, Level.PASS, f"Entry {seq} of the audit has the digest of this payload.", figures)


_TAMPERED = "the payload was changed since it was entered"
_ANEW = "Do not rely on it; run the command again for evidence that holds."
