"""The shapes of answers, put into the OpenAPI document when somebody asks for it, and not when the server starts.

Building a hundred models takes long, and a server that is started to speak is seldom asked for its document.
"""

from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

Plain = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"
_told: dict[str, type[Any]] = {}


class Shape(BaseModel):
    """An answer, or a part of one."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, defer_build=True)


def content(model: type[Any] | UnionType) -> Plain:
    """The content of an answer of this shape, or of one of these, which from now on are among `schemas`.

    Raises:
        TypeError: another shape has this name.
    """
    models = get_args(model) or (model,)
    for each in models:
        if _told.setdefault(each.__name__, each) is not each:
            raise TypeError(f"two shapes are called {each.__name__}; give one of them another name")
    references = [{"$ref": REFERENCE.format(model=each.__name__)} for each in models]
    return {"application/json": {"schema": references[0] if len(references) == 1 else {"anyOf": references}}}


def answers(model: type[Any] | UnionType, status: int = 200, description: str = "It worked.") -> dict[int | str, Plain]:
    """What a route says of an answer of this shape."""
    return {status: {"description": description, "content": content(model)}}


def schemas() -> Plain:
    """The JSON Schema of every shape that a route answers with, and of what these are made of, by name.

    Raises:
        TypeError: two of them have one name.
    """
    _, found = models_json_schema([(model, "serialization") for model in _told.values()], ref_template=REFERENCE)
    definitions: Plain = found.get("$defs", {})
    if missing := sorted(set(_told) - set(definitions)):
        raise TypeError(f"other shapes are called {', '.join(missing)} too; give them another name")
    return definitions
