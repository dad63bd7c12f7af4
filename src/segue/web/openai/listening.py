"""Who listens, as OpenAI's clients can say it: by a header of Segue's, or in a field that OpenAI has for it."""

import re
from contextlib import suppress

LISTENER, SESSION = "x-segue-listener", "x-segue-session"
"""The listener's name, and the session's token as the answer before had it in the header of the same name."""
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


def listener_of(header: str, *fields: str | None) -> str | None:
    """The first of these that can be a listener's name; what cannot is left aside, as these clients expect.

    A name outside ASCII comes as UTF-8, though headers are read as Latin-1: it is the same listener on every path.
    """
    with suppress(UnicodeError):  # then it was meant as it stands
        header = header.encode("latin-1").decode("utf-8")
    return next((name for name in (header, *fields) if name and _NAME.fullmatch(name)), None)
