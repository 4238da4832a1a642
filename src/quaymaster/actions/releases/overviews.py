"""Looking over a project: its counts, the branches and environments in use, what waits."""

from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import definitions
from quaymaster.domain.access import Permission, definition_token
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import TriggerKind
from quaymaster.store.deployments import overviews
from quaymaster.store.deployments.overviews import Counts, DocumentOf, TriggerProblem, Waiting

MOST_BRANCHES = 1000
MOST_WAITING = 10_000
DOCUMENTS_AT_ONCE = 100
TASK_GROUP = "metaTask"
NAMING = ("connection", "project", "definition")


@dataclass(frozen=True, slots=True)
class EnvironmentOf:
    """An environment of a definition."""

    id: int
    name: str
    definition_id: int
    definition_name: str


@dataclass(frozen=True, slots=True)
class SourceOf:
    """A source of artifacts; `reference` is the published one of an artifact taken from it."""

    type: str
    reference: dict[str, Any]

    @property
    def inputs(self) -> list[tuple[str, str]]:
        """What names the source, in order: the ids of its inputs and what people read."""
        pairs = (self.reference.get(name) for name in NAMING)
        return [
            (str(pair.get("id") or ""), str(pair.get("name") or ""))
            for pair in pairs
            if isinstance(pair, dict) and pair.get("id")
        ]

    @property
    def key(self) -> str:
        return ":".join(text.casefold() for text, _ in self.inputs)


async def source_branches(call: Call, definition_id: int) -> list[str]:
    """The branches that releases of a definition were made from, by name.

    Raises NotFound, Forbidden (view release pipeline).
    """
    found = await definitions.get(call, definition_id)
    async with call.database.read() as connection:
        return await overviews.branches(connection, found.project_id, found.id, MOST_BRANCHES)


async def counts(call: Call, since: datetime) -> Counts:
    """What happened since a time in all definitions whose releases the caller may view."""
    project = _project(call)
    async with call.database.read() as connection:
        rows = await overviews.counts(connection, project, since)
    seen = [row for row in rows if _sees(call, project, row.path, row.definition_id)]
    summed = {
        one.name: sum(getattr(row, one.name) for row in seen)
        for one in fields(Counts)
        if one.name not in ("definition_id", "path")
    }
    return Counts(definition_id=0, path="", **summed)


async def projects_using(call: Call, artifact_type: str, source_id: str) -> list[tuple[UUID, str]]:
    """The projects that the caller sees with a definition that takes this source, by name."""
    caller = call.caller
    if caller is None:
        raise Invalid("Only a signed-in person can ask which projects there are.")
    async with call.database.read() as connection:
        organization = UUID(caller.organization)
        found = await overviews.projects_using(connection, organization, artifact_type, source_id)
    return [(project, name) for project, name in found if caller.sees(str(project))]


async def waiting(call: Call) -> list[tuple[int, Waiting]]:
    """The releases that the caller may view with a job that waits for a worker, each with its
    place among all that wait, from 1."""
    async with call.database.read() as connection:
        found = await overviews.waiting(connection, MOST_WAITING)
    return [
        (place, one)
        for place, one in enumerate(found, 1)
        if call.project_id in (None, one.project_id)
        and _sees(call, one.project_id, one.path, one.definition_id)
    ]


async def trigger_problems(
    call: Call, artifact_type: str, source_id: str, version_id: str
) -> list[TriggerProblem]:
    """Why triggers of the project have made no release of a version, as far as it is known.

    Only those of definitions that the caller may view.
    """
    project = _project(call)
    kinds = [kind.value for kind in TriggerKind]
    async with call.database.read() as connection:
        found = await overviews.trigger_problems(
            connection, project, artifact_type, source_id, version_id, kinds
        )
    return [one for one in found if _may_view(call, project, one.path, one.definition_id)]


async def sources(call: Call, artifact_type: str) -> list[SourceOf]:
    """Every source of the type ("": of all) that a definition of the project takes artifacts of,
    once, as far as the caller may view the definitions."""
    project = _project(call)
    found: dict[tuple[str, str], SourceOf] = {}
    async for row in _documents(call, project, ""):
        for artifact in msgspec.json.decode(row.body).get("artifacts") or ():
            kind = str(artifact.get("type") or "")
            if artifact_type.casefold() in ("", kind.casefold()):
                source = SourceOf(kind, dict(artifact.get("definitionReference") or {}))
                found.setdefault((kind.casefold(), source.key), source)
    return list(found.values())


async def environments(
    call: Call, task_group: str, properties: Collection[str]
) -> list[EnvironmentOf]:
    """The environments of the project's definitions that use a task group ("": all of them) and
    have all of these properties, as far as the caller may view the definitions."""
    found: list[EnvironmentOf] = []
    async for row in _documents(call, _project(call), task_group):
        found += _environments(row, task_group, properties)
    return found


async def _documents(call: Call, project: UUID, text: str) -> AsyncIterator[DocumentOf]:
    """The definitions that hold this text, by id, as far as the caller may view them."""
    after = 0
    async with call.database.read() as connection:
        while rows := await overviews.documents_mentioning(
            connection, project, text, after, DOCUMENTS_AT_ONCE
        ):
            after = rows[-1].id
            for row in rows:
                if _may_view(call, project, row.path, row.id):
                    yield row


def _environments(
    row: DocumentOf, task_group: str, properties: Collection[str]
) -> Iterator[EnvironmentOf]:
    for stage in msgspec.json.decode(row.body).get("environments") or ():
        held = {name.casefold() for name in stage.get("properties") or ()}
        has_all = all(name.casefold() in held for name in properties)
        if has_all and (not task_group or _uses(stage, task_group)):
            yield EnvironmentOf(stage["id"], stage.get("name") or "", row.id, row.name)


def _uses(stage: dict[str, Any], task_group: str) -> bool:
    tasks = [
        task
        for phase in stage.get("deployPhases") or ()
        for task in phase.get("workflowTasks") or ()
    ]
    return any(
        str(task.get("taskId")).casefold() == task_group
        and str(task.get("definitionType")).casefold() == TASK_GROUP.casefold()
        for task in tasks
    )


def _project(call: Call) -> UUID:
    return call.required_project("that you ask about")


def _sees(call: Call, project: UUID, path: str, definition: int) -> bool:
    return call.may(Permission.VIEW_RELEASES, definition_token(str(project), path, definition))


def _may_view(call: Call, project: UUID, path: str, definition: int) -> bool:
    token = definition_token(str(project), path, definition)
    return call.may(Permission.VIEW_RELEASE_DEFINITION, token)
