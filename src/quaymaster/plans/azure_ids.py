"""Numbers the stages and steps of a definition document (CONTRACT B, CreateReleaseDefinition)."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

Document = dict[str, Any]

_APPROVALS = ("preDeployApprovals", "postDeployApprovals")
_GATES = ("preDeploymentGates", "postDeploymentGates")


def with_ids(
    document: Document, new_id: Callable[[], int], known: Collection[int] = ()
) -> Document:
    """The document with an id in each stage, approval step, deploy step and gate step.

    `known` are the ids that are this definition's own already: one of them is kept where it
    stands first, every other id (0, missing, repeated, somebody else's) is replaced by a new
    one. The order of stages and their ranks stay. A side without gates keeps the step id 0.
    """
    numbering = _Numbering(new_id, set(known))
    stages = document.get("environments")
    if not isinstance(stages, list):
        return document
    numbered = [numbering.stage(stage) if isinstance(stage, dict) else stage for stage in stages]
    return {**document, "environments": numbered}


def ids_needed(document: Document, known: Collection[int] = ()) -> int:
    """How many new ids `with_ids` will ask for."""
    asked = 0

    def count() -> int:
        nonlocal asked
        asked += 1
        return -asked

    with_ids(document, count, known)
    return asked


def ids_in(document: Document) -> set[int]:
    """All ids of stages and steps in a document that was numbered before."""
    return {number for number in _all_ids(document) if isinstance(number, int) and number > 0}


class _Numbering:
    def __init__(self, new_id: Callable[[], int], own: set[int]) -> None:
        self.new_id = new_id
        self.own = own

    def numbered(self, thing: Document) -> Document:
        """The thing under its own id when it still has it, else under a new one."""
        number = thing.get("id")
        if isinstance(number, int) and not isinstance(number, bool) and number in self.own:
            self.own.discard(number)
            return thing
        if "id" in thing:
            return {**thing, "id": self.new_id()}
        return {"id": self.new_id(), **thing}

    def stage(self, stage: Document) -> Document:
        made = self.numbered(stage)
        made = {**made, "deployStep": self.numbered(_object(made.get("deployStep")))}
        for side in _APPROVALS:
            if isinstance(said := made.get(side), dict):
                made[side] = self.approvals(said)
        for side in _GATES:
            if isinstance(said := made.get(side), dict) and _has_gates(said):
                made[side] = self.numbered(said)
        return made

    def approvals(self, side: Document) -> Document:
        steps = side.get("approvals")
        if not isinstance(steps, list):
            return side
        numbered = [self.numbered(step) if isinstance(step, dict) else step for step in steps]
        return {**side, "approvals": numbered}


def _has_gates(side: Document) -> bool:
    return bool(side.get("gatesOptions") or side.get("gates"))


def _object(value: object) -> Document:
    return value if isinstance(value, dict) else {}


def _all_ids(document: Document) -> Iterator[object]:
    stages = document.get("environments")
    for stage in stages if isinstance(stages, list) else []:
        if isinstance(stage, dict):
            yield stage.get("id")
            for name in ("deployStep", *_GATES):
                yield _object(stage.get(name)).get("id")
            for name in _APPROVALS:
                steps = _object(stage.get(name)).get("approvals")
                for step in steps if isinstance(steps, list) else []:
                    yield _object(step).get("id")
