"""The shapes of the build area: enumerations and documents as they are read, the rest by name.

`builds.json` says what the other answers and bodies hold, and which operation has which of them.
Operations go by the name of the function that serves them, as the published names do not.
"""

from typing import Any

from quaymaster.apis.azure.build import words
from quaymaster.plans import azure_words
from quaymaster.plans.azure_shapes import Kind, Leaf, ListOf, MapOf, Shape
from quaymaster.plans.azure_words import Words
from quaymaster.plans.build_shapes import BUILD_DEFINITION

Document = dict[str, Any]

WORDS: tuple[Words, ...] = (
    words.STATUS,
    words.RESULT,
    words.REASON,
    words.PRIORITY,
    words.STAGE_UPDATE,
    azure_words.DEFINITION_TYPE,
    azure_words.DEFINITION_QUALITY,
    azure_words.QUEUE_STATUS,
)
# A placeholder that some exporter wrote may stand in the place of a number or an object.
LEAVES = {
    Leaf.TEXT: ["string", "null"],
    Leaf.INTEGER: ["integer", "string", "null"],
    Leaf.BOOLEAN: ["boolean", "string", "null"],
    Leaf.PROPERTIES: ["object", "null"],
}


def enums() -> dict[str, list[str]]:
    """The enumerations that only the build area has."""
    return {one.name: list(one.numbers) for one in WORDS}


def document() -> Document:
    """What the fields of a build definition are that its author writes."""
    return _properties(BUILD_DEFINITION)


def _properties(shape: Shape) -> Document:
    return {name: _schema(kind) for name, kind in shape.fields.items() if kind is not Leaf.SERVER}


def _schema(kind: Kind) -> Document:
    match kind:
        case Shape():
            return {"type": ["object", "string", "null"], "properties": _properties(kind)}
        case ListOf(item):
            return {"type": ["array", "null"], "items": _schema(item)}
        case MapOf(value):
            return {"type": ["object", "null"], "additionalProperties": _schema(value)}
        case Words():
            return {"enum": [*kind.numbers, None]}
        case _:
            return {"type": LEAVES[kind]} if kind in LEAVES else {}
