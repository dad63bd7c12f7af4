"""Signed evidence: a report in an envelope that shows whether anybody changed it since (DSSE, the envelope of in-toto).

What is signed is not the payload alone but its type and length too, so that a signature cannot be moved to something
that is read otherwise. Values and rules only.

Source: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segue.console.heads import Signer, Trust

REPORT_TYPE = "application/vnd.segue.report+json"
"""The payload is a report, as `Report.as_dict` gives it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload with its signatures: id of the key and signature in Base64. `audit` names the entry that has it."""

    payload: bytes
    payload_type: str
    signatures: Mapping[str, str]
    audit: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """SHA-256 of the payload, in hexadecimal; the audit has it as `after`."""
        return hashlib.sha256(self.payload).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """The envelope as it is written down."""
        return {
            "payloadType": self.payload_type,
            "payload": base64.b64encode(self.payload).decode("ascii"),
            "signatures": [{"keyid": key, "sig": signature} for key, signature in self.signatures.items()],
            "audit": dict(self.audit),
        }


def signable(payload: bytes, payload_type: str) -> bytes:
    """The bytes that a signature covers: the pre-authentication encoding of DSSE, version 1."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sealed(payload: bytes, payload_type: str, signer: Signer, audit: Mapping[str, Any] | None = None) -> Envelope:
    """A payload in an envelope signed by one key."""
    return Envelope(payload, payload_type, {signer.id: signer.sign(signable(payload, payload_type))}, audit or {})


def from_dict(plain: Mapping[str, Any]) -> Envelope | None:
    """The envelope that was written down; None if this is none."""
    try:
        signatures = {str(each["keyid"]): str(each["sig"]) for each in plain["signatures"]}
        payload = base64.b64decode(plain["payload"], validate=True)
        return Envelope(payload, str(plain["payloadType"]), signatures, dict(plain.get("audit") or {}))
    except (KeyError, TypeError, ValueError):
        return None


def from_text(text: str) -> Envelope | None:
    """The envelope in a file's text; None if there is none."""
    try:
        plain = json.loads(text)
    except ValueError:
        return None
    return from_dict(plain) if isinstance(plain, dict) else None


def vouched(envelope: Envelope, trust: Trust) -> dict[str, bool | None]:
    """By key: whether it signed this payload; None for a key that is not trusted. Empty where nobody signed."""
    data = signable(envelope.payload, envelope.payload_type)
    return {key: trust.check(key, data, signature) for key, signature in envelope.signatures.items()}
