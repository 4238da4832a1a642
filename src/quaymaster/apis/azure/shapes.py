"""The published shapes and operations that `contract.json` and `builds.json` describe."""

from functools import cache
from importlib import resources

import msgspec


class Operation(msgspec.Struct):
    """One published operation: its parameters in the query, its body and its answer.

    `also` names operations of the same method and path, told apart by the query or the body. An
    answer is a type, a media type, or several of either divided by `|`; `statuses` says with which
    statuses it comes and what each means.
    """

    query: dict[str, str]
    body: str
    answer: str
    id: str = ""
    also: list[str] = []
    statuses: dict[str, str] = msgspec.field(default_factory=lambda: {"200": "Done."})


class Contract(msgspec.Struct):
    """Shapes and operations; a type is a base type, another's name, `X[]` or `map<string,X>`."""

    types: dict[str, dict[str, str]]
    operations: dict[str, Operation]
    enums: dict[str, list[str]] = {}


@cache
def contract() -> Contract:
    """The shapes and operations of releases and of what lies around them."""
    return _described("contract.json")


@cache
def builds() -> Contract:
    """The shapes and operations of the build area; no shape has the name of one of the others."""
    return _described("builds.json")


def _described(name: str) -> Contract:
    folder = resources.files("quaymaster.apis.azure.description")
    return msgspec.json.decode(folder.joinpath(name).read_bytes(), type=Contract)


def inner(kind: str) -> str:
    """The shape that a field's type leads to: of an array or map, that of its entries."""
    return kind.removesuffix("[]").removeprefix("map<string,").removesuffix(">")
