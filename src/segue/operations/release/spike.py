"""Whether a server that is watched shows faults, from windows of its metrics. Values and rules only."""

from collections.abc import Iterable, Sequence

from segue.operations.report import Check, Figure, Level
from segue.operations.watching.windows import Window

REQUESTS = "segue_http_requests_total"
SEND = "/api/chats/{chat_id}/send"
"""The way of messages."""
STATES = ("/api/ready", "/voice/health")
"""These answer 503 to say how it is; that is no fault of theirs."""
LEAST_MINUTES = 5.0
"""A release is watched for so long at least."""
SEEN = 0.9
"""So much of the time at least its metrics must tell of."""
SPIKE = 0.01
"""A larger part of answers with 5xx is a spike."""
MANY = 3
"""And so many at least."""
HINT = "Look at the log of the server: each fault stands there under the id of its request."


def judged(windows: Sequence[Window], minutes: float, statuses: Sequence[int], looks: int) -> tuple[Check, ...]:
    """The checks of the watch: how long it was, whether anything started anew, and faults in all and of messages.

    `statuses` is how each message of the watch was answered, 0 where nobody answered or none could be sent; `looks` is
    how many there should be.
    """
    counted = (_length(windows, minutes), _restarts(windows), _faults(windows), _send(windows))
    return (*counted, _answers(statuses, looks))


def faults(windows: Iterable[Window], route: str = "") -> dict[str, float]:
    """How many answers of each 5xx there were: of a route, or of all but those that tell of the server's state."""
    found: dict[str, float] = {}
    for window in windows:
        for labels, count in window.each(REQUESTS):
            named = labels.get("route", "")
            wanted = named == route if route else named not in STATES
            if count and wanted and labels.get("status", "").startswith("5"):
                found[labels["status"]] = found.get(labels["status"], 0.0) + count
    return found


def asked(windows: Iterable[Window], route: str = "") -> float:
    """How many requests there were: of a route, or of all but those that tell of the server's state."""
    return sum(
        count
        for window in windows
        for labels, count in window.each(REQUESTS)
        if (labels.get("route") == route if route else labels.get("route") not in STATES)
    )


def _length(windows: Sequence[Window], minutes: float) -> Check:
    lasted_min = sum(window.long_s for window in windows) / 60.0
    figures: dict[str, Figure] = {"minutes": round(lasted_min, 2), "windows": len(windows)}
    told = f"It was watched for {lasted_min:.1f} min in {len(windows)} windows"
    if lasted_min < SEEN * minutes:
        reason = f"{told}, of {minutes:g} min: its metrics could not be read for the rest."
        return Check(
            "watch.length", Level.NO_DATA, reason, figures, "See that it answers all the time, then run it anew."
        )
    if minutes < LEAST_MINUTES:
        hint = f"Watch it for {LEAST_MINUTES:.0f} to {2 * LEAST_MINUTES:.0f} min: --minutes."
        return Check("watch.length", Level.WARN, f"{told}, which is short.", figures, hint)
    return Check("watch.length", Level.PASS, f"{told}.", figures)


def _restarts(windows: Sequence[Window]) -> Check:
    restarts = sum(window.restarts for window in windows)
    if any(window.stranger for window in windows):
        reason = "Several servers answer under this address, so that their figures cannot be told apart."
        return Check("watch.restarts", Level.NOT_MEASURED, reason, {}, "Give the address of one server.")
    if not windows:
        return Check(
            "watch.restarts", Level.NO_DATA, "Its metrics could not be read, so nobody saw whether it started anew."
        )
    if restarts:
        reason = f"The server started anew {restarts} times while it was watched."
        return Check("watch.restarts", Level.FAIL, reason, {"restarts": restarts}, "Look why it ended.")
    return Check("watch.restarts", Level.PASS, "It is the same process all the time.", {"restarts": 0})


def _faults(windows: Sequence[Window]) -> Check:
    found, whole = faults(windows), asked(windows)
    count = sum(found.values())
    figures: dict[str, Figure] = {"requests": whole, "faults": count}
    if not whole:
        return Check("watch.faults", Level.NO_DATA, "No request was counted while it was watched.", figures, HINT)
    told = f"{count:.0f} of {whole:.0f} requests were answered with a server fault{_by_status(found)}"
    if count >= MANY and count / whole > SPIKE:
        return Check("watch.faults", Level.FAIL, f"{told}: more than {SPIKE:.0%}.", figures, HINT)
    level = Level.WARN if count else Level.PASS
    return Check("watch.faults", level, f"{told}.", figures, HINT if count else "")


def _send(windows: Sequence[Window]) -> Check:
    found, whole = faults(windows, SEND), asked(windows, SEND)
    count = sum(found.values())
    figures: dict[str, Figure] = {"requests": whole, "faults": count}
    if not whole:
        return Check("watch.send", Level.NO_DATA, "No message was sent while it was watched.", figures, HINT)
    told = f"{count:.0f} of {whole:.0f} messages were answered with a server fault{_by_status(found)}"
    busy = found.get("503", 0.0)
    level = Level.PASS if not count else Level.WARN if count == busy else Level.FAIL
    return Check("watch.send", level, f"{told}.", figures, HINT if count else "")


def _answers(statuses: Sequence[int], looks: int) -> Check:
    """What its own messages met, whatever stands before the server: a proxy's faults are not in its metrics."""
    served = sum(status == 200 for status in statuses)
    slow = sum(status in (202, 429) for status in statuses)
    lost = len(statuses) - served - slow
    figures: dict[str, Figure] = {"sent": len(statuses), "served": served, "slow": slow, "lost": lost}
    told = f"{served} of {looks} messages of the watch were answered"
    if not statuses or lost:
        others = ", ".join(str(status) for status in sorted({*statuses} - {200, 202, 429})) or "none was sent"
        return Check(
            "watch.answers", Level.FAIL, f"{told}; {lost} were not ({others}; 0: nobody answered).", figures, HINT
        )
    if slow:
        reason = f"{told} at once; {slow} were held back by limits, or took long."
        return Check("watch.answers", Level.WARN, reason, figures, "Watch for longer, or look why replies are slow.")
    return Check("watch.answers", Level.PASS, f"{told}.", figures)


def _by_status(found: dict[str, float]) -> str:
    return f" ({', '.join(f'{status}: {count:.0f}' for status, count in sorted(found.items()))})" if found else ""
