"""Idempotency keys: how one is read, what makes two requests the same, and what a key belongs to. Rules only.

A key is the sender's own name for a request. Whoever sends the same request under the same key again gets the answer of
the first; another request under a key that was used is refused.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from segue.console.audit import canonical
from segue.errors import InvalidRequest

HEADER = "Idempotency-Key"
FIELD = "idempotency_key"
LONGEST = 255
"""Characters of a key."""

_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_PRINTABLE = re.compile(r"[ -~]+")


def key_of(headers: Sequence[str], field: str | None) -> str:
    """The key of a request, from the values of its header and the field of its body; the header wins.

    The header's value is a string in quotes, as structured headers write it, or the bare key.

    Raises:
        InvalidRequest: there is no key, the header comes more than once, or it holds none that is valid.
    """
    if len(headers) > 1:
        raise InvalidRequest(f"Send one `{HEADER}`, not {len(headers)}.", param=HEADER)
    if headers:
        return _checked(_bare(headers[0].strip(" \t")), HEADER)
    if field is None:
        message = f"Send a header `{HEADER}` with a fresh name for this request, so that it can be repeated safely."
        raise InvalidRequest(message, param=HEADER)
    return _checked(field, FIELD)


def fingerprint(method: str, route: str, body: Mapping[str, Any], query: Sequence[tuple[str, str]] = ()) -> str:
    """What makes two requests the same: SHA-256 in hexadecimal of method, path template, body and query.

    The body is compared by its values: neither the order of its fields matters, nor the field that holds the key.
    """
    plain = {name: value for name, value in body.items() if name != FIELD}
    text = json.dumps(plain, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return _digest({"method": method, "route": route, "body": text, "query": sorted(list(pair) for pair in query)})


def scope_of(operator: str, route: str, chat: str, key: str) -> str:
    """What a key belongs to, as the hash under which it is claimed: the same key elsewhere is another one."""
    return _digest({"operator": operator, "route": route, "chat": chat, "key": key})


def _bare(value: str) -> str:
    """The key in a header's value, without quotes and what they escape."""
    if not value.startswith('"'):
        return value
    found = _QUOTED.fullmatch(value)
    if found is None:
        raise InvalidRequest(f'`{HEADER}` begins like a string in quotes, but is none; send `"a-key"`.', param=HEADER)
    return re.sub(r"\\(.)", r"\1", found[1])


def _checked(key: str, param: str) -> str:
    if not key.strip():
        raise InvalidRequest(f"`{param}` is empty; send a fresh name for this request.", param=param)
    if len(key) > LONGEST:
        raise InvalidRequest(f"`{param}` has {len(key)} characters; at most {LONGEST} are read.", param=param)
    if not _PRINTABLE.fullmatch(key):
        raise InvalidRequest(f"`{param}` holds characters that are not printable ASCII.", param=param)
    return key


def _digest(value: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()
