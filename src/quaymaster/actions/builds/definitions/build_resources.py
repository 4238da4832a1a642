"""What build definitions use of their project: queues, service connections, variable groups.

Nothing has to be released for a pipeline here: queues and groups of a project may be used by all
of its pipelines, a service connection by those whose author may use it (SEMANTICS 25.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from quaymaster.actions.builds.definitions import build_definitions
from quaymaster.actions.call import Call
from quaymaster.actions.resources import connections as service_connections
from quaymaster.actions.resources import pools, variable_groups
from quaymaster.domain.build_plan import BuildPlan
from quaymaster.domain.errors import Invalid, NotFound, Refused
from quaymaster.plans.connection_uses import uses_in
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import connections
from quaymaster.store.resources import pools as store_pools
from quaymaster.store.resources import variable_groups as store_groups
from quaymaster.store.resources.connections import KeptConnection
from quaymaster.store.resources.pools import Queue


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing that pipelines use; `is_authorized` says whether those of the caller may."""

    type: str
    id: str
    name: str
    is_authorized: bool = True


async def of_project(call: Call, kind: str = "", number: str = "") -> list[Resource]:
    """What the caller may see of the project's resources, narrowed by type and id.

    Raises Forbidden, Invalid without a project.
    """
    found = [
        *map(_queue, await pools.queues(call)),
        *(_connection(call, kept) for kept in await service_connections.listed(call)),
        *(
            Resource("variablegroup", str(kept.group.id), kept.group.name)
            for kept in await variable_groups.listed(call)
        ),
    ]
    return [
        one
        for one in found
        if kind.casefold() in ("", one.type) and number.casefold() in ("", one.id)
    ]


async def of_definition(call: Call, definition_id: int) -> list[Resource]:
    """What a definition names; of a YAML file only what the definition itself says.

    Raises NotFound, Forbidden.
    """
    async with call.database.read() as connection:
        found = await build_definitions.found(connection, call, definition_id)
    plan = (await build_definitions.expanded(call, found)).plan
    async with call.database.read() as connection:
        queues = await _queues(connection, found.project_id, plan)
        groups = await store_groups.get_many(
            connection, call.vault, found.project_id, plan.variable_groups
        )
        named = await connections.named(connection, found.project_id, _words(call, plan))
    return [
        *map(_queue, queues),
        *(
            _connection(call, kept)
            for kept in {one.connection.id: one for one in named.values()}.values()
        ),
        *(Resource("variablegroup", str(one.id), one.name) for one in groups.values()),
    ]


def authorized(known: Sequence[Resource], wanted: Sequence[dict[str, Any]]) -> list[Resource]:
    """Those of `known` that are asked for, each authorized already.

    Raises NotFound for another, Refused for a change: authorizing and withdrawing are done by
    permissions here.
    """
    by_id = {(one.type, one.id.casefold()): one for one in known}
    found = []
    for entry in wanted:
        kind, number = str(entry.get("type") or ""), str(entry.get("id") or "")
        one = by_id.get((kind.casefold(), number.casefold()))
        if one is None:
            raise NotFound("resource", number, f"There is no {kind[:40]} {number[:80]} here.")
        if not isinstance(entry.get("authorized"), bool):
            raise Invalid("authorized of a resource must be true or false.")
        if entry["authorized"] is not one.is_authorized:
            raise Refused(
                f"Whether pipelines may use {one.name} follows from permissions in the project; "
                "change these, not the pipeline."
            )
        found.append(one)
    return found


def _words(call: Call, plan: BuildPlan) -> set[str]:
    """The connections that the repositories and enabled tasks of the plan name."""
    return {use.word for use in uses_in(plan, call.installation.outside.connection_inputs)}


async def _queues(connection: Connection, project: UUID, plan: BuildPlan) -> list[Queue]:
    ids = {plan.queue_id, *(job.work.queue_id for job in plan.jobs)} - {0}
    names = {plan.queue_name, *(job.queue_name for job in plan.jobs)} - {""}
    keys = {name.casefold() for name in names}
    return [
        one
        for one in await store_pools.queues(connection, project)
        if one.id in ids or one.name.casefold() in keys
    ]


def _queue(found: Queue) -> Resource:
    return Resource("queue", str(found.id), found.name)


def _connection(call: Call, kept: KeptConnection) -> Resource:
    may = service_connections.may_use(call, kept)
    return Resource("endpoint", kept.connection.id, kept.connection.name, is_authorized=may)
