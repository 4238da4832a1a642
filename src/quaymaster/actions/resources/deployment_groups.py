"""Deployment groups and their targets: who may see and change them, and who joins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.actions.people.people import default_organization
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.store.people import projects
from quaymaster.store.postgres.database import Connection, Database
from quaymaster.store.resources import deployment_groups, targets
from quaymaster.store.resources.deployment_groups import DeploymentGroup
from quaymaster.store.resources.targets import KeptTarget

LONGEST_NAME = 256
MOST_TAGS = 100


async def listed(call: Call, name: str = "") -> list[DeploymentGroup]:
    """The project's groups by name. Raises Forbidden without view release pipeline."""
    async with call.database.read() as connection:
        return await deployment_groups.listed(connection, _seen(call), name)


async def get(call: Call, group: int) -> DeploymentGroup:
    """One group. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        return await _found(connection, _seen(call), group)


async def create(call: Call, name: str, description: str) -> DeploymentGroup:
    """Make a group without targets. Raises Invalid, Conflict for a taken name, Forbidden."""
    project = _edited(call)
    _check_name(name, "deployment group")
    async with call.database.transaction() as connection:
        group = await deployment_groups.create(
            connection, project, name.strip(), description, call.by, call.now
        )
        return await _found(connection, project, group)


async def create_by_operator(
    database: Database, name: str, project: str, description: str, now: datetime
) -> int:
    """The same from the machine itself; the group's id. Raises NotFound for the project."""
    _check_name(name, "deployment group")
    async with database.transaction() as connection:
        place = await _project(connection, project)
        return await deployment_groups.create(
            connection, place, name.strip(), description, None, now
        )


async def update(
    call: Call, group: int, name: str | None, description: str | None
) -> DeploymentGroup:
    """Rename or describe a group; None leaves a part. Raises as `create`, NotFound."""
    project = _edited(call)
    if name is not None:
        _check_name(name, "deployment group")
    async with call.database.transaction() as connection:
        before = await _found(connection, project, group)
        await deployment_groups.update(
            connection,
            group,
            before.name if name is None else name.strip(),
            before.description if description is None else description,
        )
        return await _found(connection, project, group)


async def delete(call: Call, group: int) -> None:
    """Remove a group with its targets. Jobs that wait for one of them fail, saying so."""
    project = _edited(call)
    async with call.database.transaction() as connection:
        await _found(connection, project, group)
        await deployment_groups.delete(connection, group)


# ---- targets ----------------------------------------------------------------------------------


async def list_targets(call: Call, group: int) -> list[KeptTarget]:
    """The targets of a group by name. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        await _found(connection, _seen(call), group)
        return await targets.listed(connection, group)


async def get_target(call: Call, group: int, target: int) -> KeptTarget:
    """One target of a group. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        await _found(connection, _seen(call), group)
        [found] = await _targets(connection, group, [target])
        return found


async def tag_targets(
    call: Call, group: int, tags: Mapping[int, Sequence[str]]
) -> list[KeptTarget]:
    """Give targets other tags, all or none of them. Raises NotFound, Invalid, Forbidden."""
    project = _edited(call)
    for named in tags.values():
        check_tags(named)
    async with call.database.transaction() as connection:
        await _found(connection, project, group)
        await _targets(connection, group, list(tags))
        for target in sorted(tags):
            await targets.set_tags(connection, target, [tag.strip() for tag in tags[target]])
        return await _targets(connection, group, list(tags))


async def delete_target(call: Call, group: int, target: int) -> None:
    """Take a machine off the list. Raises NotFound, Forbidden."""
    project = _edited(call)
    async with call.database.transaction() as connection:
        await _found(connection, project, group)
        await _targets(connection, group, [target])
        await targets.delete(connection, target)


# ---- a machine joins --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Membership:
    """The target that a machine has become, and the pool in which its jobs wait."""

    target: int
    pool: int


async def join(
    connection: Connection, project: str, group: str, name: str, tags: Sequence[str], now: datetime
) -> Membership | None:
    """Make this machine a target; None while another worker is the target of this name.

    Within the transaction in which its worker registers. Raises NotFound for a project or group
    that does not exist, Invalid for tags that are none.
    """
    check_tags(tags)
    place = await _project(connection, project)
    found = await deployment_groups.listed(connection, place, group)
    if not found:
        raise NotFound(
            "deployment group",
            group,
            f"There is no deployment group named {group!r} in project {project}. Make it first, "
            "or name another one.",
        )
    target = await targets.join(connection, found[0].id, name, [tag.strip() for tag in tags], now)
    if await targets.is_taken(connection, target):
        return None
    return Membership(target, found[0].pool_id)


async def _project(connection: Connection, name: str) -> UUID:
    organization = await default_organization(connection)
    found = await projects.find(connection, organization.id, name)
    if found is None:
        raise NotFound("project", name, f"There is no project named {name!r}.")
    return found.id


def check_tags(tags: Sequence[str]) -> None:
    """Raises Invalid for tags that nobody could name in a phase."""
    if len(tags) > MOST_TAGS:
        raise Invalid(f"A target may have {MOST_TAGS} tags at most.")
    for tag in tags:
        _check_name(tag, "tag")
        if "," in tag:
            raise Invalid(f"The tag {tag!r} holds a comma; give it as two tags.")


def _check_name(name: str, what: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise Invalid(f"A {what} needs a name of at most {LONGEST_NAME} characters.")
    if not name.isprintable():
        raise Invalid(f"The name of a {what} cannot hold control characters.")


def _seen(call: Call) -> UUID:
    project = call.required_project("that the deployment group belongs to")
    token = str(project)
    call.require(Permission.VIEW_RELEASE_DEFINITION, token, "the project's deployment groups")
    return project


def _edited(call: Call) -> UUID:
    project = _seen(call)
    token = str(project)
    call.require(Permission.EDIT_RELEASE_DEFINITION, token, "the project's deployment groups")
    return project


async def _found(connection: Connection, project: UUID, group: int) -> DeploymentGroup:
    found = await deployment_groups.get(connection, project, group)
    if found is None:
        raise NotFound("deployment group", group)
    return found


async def _targets(connection: Connection, group: int, wanted: Sequence[int]) -> list[KeptTarget]:
    found = await targets.listed(connection, group, wanted)
    missing = sorted(set(wanted) - {target.id for target in found})
    if missing:
        raise NotFound("deployment target", missing[0])
    return found
