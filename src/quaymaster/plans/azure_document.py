"""An Azure release definition as it is kept: newest shape, published words, nothing of ours.

The server owns, and never takes from a document: the definition's `id`, `revision`, `createdBy`,
`createdOn`, `modifiedBy`, `modifiedOn`, `isDeleted`, `lastRelease`, `projectReference`, `url` and
`_links`; a stage's `currentRelease` and `badgeUrl`; an artifact's numeric `id`; and everything
about a person but the id. All else survives: `normalised(what we give out)` is what is stored.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from quaymaster.domain.errors import Invalid
from quaymaster.plans import azure_legacy, azure_values
from quaymaster.plans.azure_ids import ids_in, ids_needed, with_ids
from quaymaster.plans.azure_secrets import split_secrets
from quaymaster.plans.azure_shapes import DEFINITION, Kind, Leaf, ListOf, MapOf, Shape
from quaymaster.plans.azure_words import Words

__all__ = [
    "carried_over",
    "folder",
    "identity_of",
    "ids_in",
    "ids_needed",
    "name_of",
    "normalised",
    "owned",
    "path_of",
    "people_in",
    "shaped",
    "spelled",
    "split_secrets",
    "stage_count",
    "summary_of",
    "tags_of",
    "with_ids",
]

Document = dict[str, Any]

MOST_DEPTH = 64
MOST_VALUES = 500_000
MOST_STAGES = 200
MOST_PEOPLE = 1_000

# What a list of definitions shows only when it is asked for ($expand).
_EXPANDED = ("environments", "artifacts", "triggers", "variables", "tags")

# A PUT that does not mention these leaves them as they are (CONTRACT A.5).
_KEPT_WHEN_MISSING = (*_EXPANDED, "variableGroups")


def normalised(document: object, people: Mapping[str, str] | None = None) -> Document:
    """The document to keep, from any dialect and version (CONTRACT A.5, D.2).

    Names of known fields get their published spelling, enumerations their words, old shapes the
    newest; unknown fields, nulls and the order of keys stay. `people` maps what documents call
    somebody (id or unique name, lower case) to the id here. Doing it twice changes nothing more.
    Raises Invalid when the document is no object, or too deep or too large to be one.
    """
    if not isinstance(document, dict):
        raise Invalid("A release definition must be a JSON object.")
    _check_size(document)
    made = _Reading(people or {}).object(document, DEFINITION)
    made = azure_legacy.upgraded(made)
    return _completed(made)


def shaped(document: object, shape: Shape, what: str) -> Document:
    """A document of another kind read along its shape. Raises Invalid as `normalised` does."""
    if not isinstance(document, dict):
        raise Invalid(f"{what} must be a JSON object.")
    _check_size(document)
    return _Reading({}).object(document, shape)


def spelled(document: Document, shape: Shape) -> Document:
    """The document with names, words and numbers as published, so that it can be compared.

    Unlike `normalised` it leaves all else as it came: old shapes, people, what the server owns.
    """
    return _Spelling({}).object(document, shape)


def people_in(document: object) -> frozenset[str]:
    """Everything by which a document calls a person or group: ids and unique names.

    Raises Invalid for more than anybody will look up.
    """
    if not isinstance(document, dict):
        return frozenset()
    found = frozenset(_names_in(document, DEFINITION))
    if len(found) > MOST_PEOPLE:
        raise Invalid(f"A release definition may name {MOST_PEOPLE:,} people at most.")
    return found


def carried_over(document: Document, before: Document) -> Document:
    """The document of an update, with the lists that it does not mention as they were."""
    kept = {key: before[key] for key in _KEPT_WHEN_MISSING if key not in document and key in before}
    return {**document, **kept}


def owned(document: Document, by: str | None, before: Document | None = None) -> Document:
    """The document with an owner for each stage that names none: the one it had, or who saves it.

    LEGACY 6.2. `before` is the document that this one replaces; `by` None changes nothing.
    """
    stages = document.get("environments")
    if by is None or not isinstance(stages, list):
        return document
    known = {
        _whole(stage.get("id")): stage["owner"]
        for stage in (before or {}).get("environments") or []
        if isinstance(stage, dict) and "owner" in stage
    }
    made = [
        {**stage, "owner": known.get(_whole(stage.get("id")), {"id": by})}
        if isinstance(stage, dict) and "owner" not in stage
        else stage
        for stage in stages
    ]
    return {**document, "environments": made}


def identity_of(document: object) -> tuple[int, int]:
    """The id and revision that a document says it has; 0 for what it does not say.

    Raises Invalid for an id, a revision or a name that is of another kind.
    """
    if not isinstance(document, dict):
        return 0, 0
    said = {name.lower(): value for name, value in document.items()}
    if said.get("id") == "":
        said["id"] = None  # as exports of definitions to be made anew have it
    number, revision = (azure_values.as_integer(said.get(key)) for key in ("id", "revision"))
    problems = [
        f"$.{key}: must be a whole number"
        for key, value in (("id", number), ("revision", revision))
        if not (value is None or _is_whole(value))
    ]
    if not isinstance(said.get("name"), str | None):
        problems.append("$.name: must be a text")
    if problems:
        raise Invalid("The definition cannot be read.", tuple(problems))
    return number or 0, revision or 0


def name_of(document: Document) -> str:
    return _text(document, "name").strip()


def path_of(document: Document) -> str:
    """The folder, from the root `\\` on."""
    return _text(document, "path") or "\\"


def tags_of(document: Document) -> tuple[str, ...]:
    tags = document.get("tags")
    return tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else ()


def summary_of(document: Document) -> Document:
    """What a list of definitions shows of this one: everything that needs no $expand."""
    return {key: value for key, value in document.items() if key not in _EXPANDED}


def stage_count(document: Document) -> int:
    stages = document.get("environments")
    return len(stages) if isinstance(stages, list) else 0


class _Reading:
    """Walks a document along its shape."""

    left_out: tuple[Leaf, ...] = (Leaf.SERVER,)

    def __init__(self, people: Mapping[str, str]) -> None:
        self.people = people

    def object(self, value: Document, shape: Shape) -> Document:
        made: Document = {}
        for name, entry in value.items():
            spelled = shape.spelled(name)
            kind = shape.fields.get(spelled, Leaf.AS_IS)
            if kind not in self.left_out:
                made[spelled] = self.value(entry, kind)
        return made

    def value(self, value: Any, kind: Kind) -> Any:
        if value is None or kind is Leaf.AS_IS:
            return value
        if kind is Leaf.TEXT:  # most fields by far
            return value if isinstance(value, str) else azure_values.as_text(value)
        match kind, value:
            case Shape(), dict():
                return self.object(value, kind)
            case ListOf(), list():
                return [self.value(entry, kind.item) for entry in value]
            case MapOf(), dict():
                return {name: self.value(entry, kind.value) for name, entry in value.items()}
            case Words(), _:
                return azure_values.as_word(kind, value)
            case Leaf(), _:
                return self.leaf(value, kind)
            case _:
                return value  # not of its kind: the compiler complains

    def leaf(self, value: Any, kind: Leaf) -> Any:
        match kind:
            case Leaf.TEXT:
                return azure_values.as_text(value)
            case Leaf.INTEGER:
                return azure_values.as_integer(value)
            case Leaf.BOOLEAN:
                return azure_values.as_boolean(value)
            case Leaf.IDENTITY:
                return azure_values.as_identity(value, self.people)
            case Leaf.PROPERTIES:
                return azure_values.as_properties(value)
            case Leaf.AS_IS | Leaf.SERVER:
                return value


class _Spelling(_Reading):
    """Walks it for the spelling alone: what a field says stays what it says."""

    left_out = ()

    def value(self, value: Any, kind: Kind) -> Any:
        if kind in (Leaf.TEXT, Leaf.IDENTITY, Leaf.PROPERTIES):
            return value
        return super().value(value, kind)


def _completed(document: Document) -> Document:
    """With the few fields that every stored definition has."""
    made = dict(document)
    made["path"] = folder(made.get("path"))
    if made.get("source") in (None, "undefined"):
        made["source"] = "restApi"
    if isinstance(made.get("tags"), str):
        made["tags"] = [tag.strip() for tag in made["tags"].split(",") if tag.strip()]
    stages = made.get("environments")
    if isinstance(stages, list):
        if len(stages) > MOST_STAGES:
            raise Invalid(f"A release definition may have {MOST_STAGES} stages at most.")
        made["environments"] = [
            _completed_stage(stage, position) if isinstance(stage, dict) else stage
            for position, stage in enumerate(stages, 1)
        ]
    return made


def folder(path: Any) -> Any:
    """A path with one leading backslash and single ones between; `\\` for none at all."""
    if path is None:
        return "\\"
    if not isinstance(path, str):
        return path
    parts = [part for part in path.replace("/", "\\").split("\\") if part]
    return "\\" + "\\".join(parts)


def _completed_stage(stage: Document, position: int) -> Document:
    made = dict(stage)
    if not made.get("rank"):
        made["rank"] = position
    for side in ("preDeployApprovals", "postDeployApprovals"):
        said = made.get(side)
        if said is None:
            made[side] = {"approvals": [_automated()]}
        elif isinstance(said, dict) and not said.get("approvals"):
            made[side] = {**said, "approvals": [_automated()]}
    return made


def _automated() -> Document:
    """The step of a side where nobody is asked (SEMANTICS 9.1)."""
    return {"rank": 1, "isAutomated": True, "isNotificationOn": False}


def _check_size(document: Document) -> None:
    """Raises Invalid for more depth or values than a definition can need; never recurses."""
    level: list[Any] = [document]
    seen = 0
    for _ in range(MOST_DEPTH):
        seen += len(level)
        if seen > MOST_VALUES:
            raise Invalid(f"A definition may hold {MOST_VALUES:,} values at most.")
        level = list(_inside(level))
        if not level:
            return
    raise Invalid(f"A definition may be nested {MOST_DEPTH} levels deep at most.")


def _inside(level: list[Any]) -> Iterator[Any]:
    for value in level:
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list):
            yield from value


def _names_in(value: Any, kind: Kind) -> Iterator[str]:
    match kind, value:
        case Leaf.IDENTITY, dict():
            for name, said in value.items():
                if name.lower() in ("id", "uniquename") and isinstance(said, str) and said:
                    yield said
        case Shape(), dict():
            for name, entry in value.items():
                inner = kind.fields.get(kind.spelled(name))
                if inner is Leaf.IDENTITY or isinstance(inner, Shape | ListOf):
                    yield from _names_in(entry, inner)
        case ListOf(), list():
            for entry in value:
                yield from _names_in(entry, kind.item)
        case _:
            return


def _text(document: Document, key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
