"""What a listener's device reports once a turn: who may report, what is believable, and what becomes of it."""

import hashlib
import hmac
from dataclasses import replace
from enum import StrEnum

from segue.clock import Clock
from segue.errors import InvalidRequest, Unauthorized
from segue.records import PlaybackReport, TurnRecord
from segue.voice.ports import TurnStore

TOLERANCE_S = 1.0
TOLERANCE_RATIO = 1.05
"""A device's clock and the server's may disagree by a second, and by 5 % of what was played."""
MAX_AGE_S = 24 * 3600.0


class ReportResult(StrEnum):
    """What became of a report."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IMPLAUSIBLE = "implausible"
    """Kept, and left out of the evidence."""


class ReportTokens:
    """Issues and checks the token with which the listener of a turn, and nobody else, may report on it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def issue(self, turn: str) -> str:
        """The token of a turn: 32 hexadecimal digits of an HMAC-SHA-256, nothing stored."""
        return hmac.new(self._secret, b"playback-report\0" + turn.encode(), hashlib.sha256).hexdigest()[:32]

    def check(self, turn: str, token: str) -> None:
        """Refuse a wrong token.

        Raises:
            Unauthorized: the token was not issued for this turn by this server.
        """
        if not hmac.compare_digest(self.issue(turn).encode(), token.encode()):
            raise Unauthorized("This token was not issued for this turn.", param="token")


def implausible(report: PlaybackReport, record: TurnRecord | None) -> str | None:
    """Why a report contradicts what the server measured, or None. Without a record only the report itself is judged."""
    tolerance_ms = TOLERANCE_S * 1000.0
    contradictions = {
        "milliseconds of underflow without an event": report.underflow_ms > 0 and report.underflow_events == 0,
        "a gap longer than all underflow together": report.max_gap_ms > report.underflow_ms + tolerance_ms,
    }
    if record is not None:
        first_sent_ms, first_played_ms = record.ttfa_ms, report.first_played_ms
        sent_s = record.audio_ms / 1000.0
        contradictions |= {
            "more was played than was sent": report.played_s > sent_s * TOLERANCE_RATIO + TOLERANCE_S,
            "a sound although none was sent": first_played_ms is not None and first_sent_ms is None,
            "the first sound came before it was sent": first_played_ms is not None
            and first_sent_ms is not None
            and first_played_ms + tolerance_ms < first_sent_ms,
        }
    return next((sentence for sentence, holds in contradictions.items() if holds), None)


class Reports:
    """Takes reports: checks the token, judges, keeps the first of each turn."""

    def __init__(self, tokens: ReportTokens, records: TurnStore, clock: Clock) -> None:
        self._tokens = tokens
        self._records = records
        self._clock = clock

    async def take(self, report: PlaybackReport, token: str) -> tuple[ReportResult, TurnRecord | None]:
        """Keep a report.

        Returns:
            What became of it, and the record of its turn where that is already written.

        Raises:
            Unauthorized: the token is not this turn's.
            InvalidRequest: the turn is too old to be reported on.
        """
        self._tokens.check(report.turn, token)
        record = await self._records.find(report.turn)
        now = self._clock.wall()
        if record is not None and now - record.at > MAX_AGE_S:
            raise InvalidRequest("This turn is older than a day; its report is no longer taken.", param="turn")
        believable = implausible(report, record) is None
        kept = await self._records.report(replace(report, plausible=believable, received_at=now))
        if not kept:
            return ReportResult.DUPLICATE, record
        return (ReportResult.ACCEPTED if believable else ReportResult.IMPLAUSIBLE), record
