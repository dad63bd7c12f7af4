"""Reads a runbook from YAML 1.2, and says of what is wrong on which line it is."""

import difflib
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from segue.errors import InvalidRequest
from segue.operations.runbook.book import Parameter, Runbook, Step
from segue.section import Section

SHIPPED = Path(__file__).parents[1] / "runbooks"
"""Folder of the runbooks that Segue comes with."""
LONGEST = 100_000
"""Characters that a runbook may have."""
DEEPEST = 12
MOST_VALUES = 20_000
"""Repeated ones are counted each time: a small file can unfold into a huge one."""
_VALUE = "Value error, "


class RunbookError(InvalidRequest):
    """The runbook is wrong."""

    code = "runbook"


def read_runbook(text: str, name: str = "") -> Runbook:
    """The runbook that a YAML text holds. `name` is what the text is called in messages, such as its file.

    Raises:
        RunbookError: it is none; each line of the message says where and why.
    """
    document = _parsed(text, name)
    try:
        return Runbook.model_validate(_plain(document, [MOST_VALUES], 0))
    except RecursionError:
        raise RunbookError(f"{name}: unfolds too deeply, or into too much; write it without repetitions.") from None
    except ValidationError as error:
        told = dict.fromkeys(_told(found, document, name) for found in error.errors(include_url=False))
        raise RunbookError("\n".join(told)) from None


def runbook_schema() -> dict[str, Any]:
    """The JSON Schema of a runbook file (draft 2020-12), for editors and checks outside Segue."""
    schema = Runbook.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Segue runbook"}


def _parsed(text: str, name: str) -> Any:
    if len(text) > LONGEST:
        raise RunbookError(f"{name}: is longer than {LONGEST} characters.")
    try:
        document = YAML().load(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = str(error.problem or error.context or "is no YAML").splitlines()[0]
        raise RunbookError(f"{name}, line {mark.line + 1 if mark else 1}: {reason}.") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise RunbookError(f"{name}: cannot be read: {(str(error) or 'is no YAML').splitlines()[0]}.") from None
    if not isinstance(document, Mapping):
        raise RunbookError(f"{name}, line 1: a runbook is written as `key: value`; see `segue runbook schema`.")
    return document


def _plain(node: Any, left: list[int], depth: int) -> Any:
    """The document in the plainest types; what YAML alone knows, such as dates, as text."""
    left[0] -= 1
    if depth > DEEPEST or left[0] < 0:
        raise RecursionError
    if isinstance(node, Mapping):
        return {str(key): _plain(value, left, depth + 1) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_plain(value, left, depth + 1) for value in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node if node is None else str(node)


def _told(error: ErrorDetails, document: Any, name: str) -> str:
    place = _place(error["loc"], document)
    reason = _reason(error)
    message = error["msg"].removeprefix(_VALUE)
    if error["msg"].startswith(_VALUE):
        named, parted, rest = message.partition(": ")
        inner = [int(part) if part.isdigit() else part for part in named.split(".")] if parted else []
        deeper = _place((*place, *inner), document)
        reason = rest if len(deeper) > len(place) else message
        place = deeper
    where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
    line = f"line {_line(document, place)}"
    ended = reason if reason.endswith(("?", ".")) else f"{reason}."
    return ", ".join(part for part in (name, line, where) if part) + f": {ended}"


def _reason(error: ErrorDetails) -> str:
    last = str(error["loc"][-1]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        known = _keys(error["loc"][:-1])
        near = difflib.get_close_matches(last, known, n=1)
        more = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}" if known else ""
        return f"there is no such key{more}"
    if error["type"] == "missing":
        return f"{last} is missing"
    if error["type"] == "union_tag_not_found":
        return "kind is missing; it says what kind of action this is"
    if error["type"] == "union_tag_invalid":
        context = error.get("ctx", {})
        return f"{context.get('tag')!r} is no kind of action; there are {context.get('expected_tags')}"
    return f"{error['input']!r}: {error['msg']}"


def _keys(location: Sequence[int | str]) -> list[str]:
    """The keys that are allowed in a block."""
    words = [part for part in location if isinstance(part, str)]
    blocks: dict[str, type[Section]] = {"steps": Step, "parameters": Parameter}
    if not words:
        return sorted(Runbook.model_fields)
    if words[0] == "parameters":
        return sorted(Parameter.model_fields)
    return sorted(blocks[words[-1]].model_fields) if words[-1] in blocks else []


def _place(location: Sequence[int | str], document: Any) -> tuple[int | str, ...]:
    """The part of a location that is in the document, without the names of kinds."""
    place: list[int | str] = []
    node: Any = document
    for part in location:
        there: Any = range(len(node)) if isinstance(node, list) else node if isinstance(node, Mapping) else ()
        if part in there:
            node = node[part]
            place.append(part)
    return tuple(place)


def _line(document: Any, place: Sequence[int | str]) -> int:
    line, node = 1, document
    for part in place:
        there = "key" if isinstance(node, Mapping) else "item"
        try:
            line = getattr(node.lc, there)(part)[0] + 1
            node = node[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return int(line)
