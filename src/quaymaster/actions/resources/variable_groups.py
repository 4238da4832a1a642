"""Variable groups: who may see and change them, and what releases take of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.overrides import MASK, Override
from quaymaster.domain.plan import Plan
from quaymaster.domain.variable_groups import GroupVariable, VariableGroup
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import variable_groups
from quaymaster.store.resources.variable_groups import KeptGroup

LONGEST_NAME = 256
WHOLE_DEFINITION = 0  # where groups that are linked to the definition itself are listed


@dataclass(frozen=True, slots=True)
class GroupContent:
    """What a save brings; a secret without a value keeps the one that is stored."""

    name: str
    description: str
    type: str
    variables: Mapping[str, Override]
    read_only: frozenset[str] = frozenset()


async def listed(call: Call, name: str = "") -> list[KeptGroup]:
    """The project's groups by name, without secrets. Raises Forbidden (view release pipeline)."""
    project = _seen(call)
    async with call.database.read() as connection:
        return await variable_groups.listed(connection, project, name)


async def get(call: Call, group_id: int) -> KeptGroup:
    """One group. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        return await _found(connection, call, _seen(call), group_id)


async def create(call: Call, content: GroupContent) -> KeptGroup:
    """Make a group. Raises Invalid, Conflict for a taken name, Forbidden."""
    project = _edited(call)
    group = _group(0, content, {})
    async with call.database.transaction() as connection:
        group_id = await variable_groups.create(
            connection, call.vault, project, group, call.by, call.now
        )
        return await _found(connection, call, project, group_id)


async def update(call: Call, group_id: int, content: GroupContent) -> KeptGroup:
    """Replace a group; releases made before keep what they took. Raises as `create`, NotFound."""
    project = _edited(call)
    async with call.database.transaction() as connection:
        before = await _found(connection, call, project, group_id, locked=True)
        group = _group(group_id, content, before.group.secrets)
        await variable_groups.update(connection, call.vault, group, call.by, call.now)
        return await _found(connection, call, project, group_id)


async def delete(call: Call, group_id: int) -> None:
    """Remove a group. Raises NotFound, Forbidden."""
    project = _edited(call)
    async with call.database.transaction() as connection:
        await _found(connection, call, project, group_id)
        await variable_groups.delete(connection, group_id)


async def taken_by(
    connection: Connection, call: Call, project: UUID, plan: Plan
) -> dict[int, list[VariableGroup]]:
    """The groups that a new release takes, by definition stage id (SEMANTICS 1.5).

    Raises Invalid naming a linked group that the project does not have: a release without its
    variables would deploy something else than was meant.
    """
    linked = {WHOLE_DEFINITION: plan.variable_groups}
    linked |= {stage.definition_stage_id: stage.variable_groups for stage in plan.stages}
    wanted = {number for numbers in linked.values() for number in numbers}
    if not wanted:
        return {}
    known = await variable_groups.get_many(connection, call.vault, project, sorted(wanted))
    missing = sorted(wanted - known.keys())
    if missing:
        raise Invalid(
            f"The release pipeline is linked to variable group {', '.join(map(str, missing))}, "
            "which this project does not have. Make it, or unlink it from the pipeline."
        )
    return {place: [known[n] for n in numbers] for place, numbers in linked.items() if numbers}


def _seen(call: Call) -> UUID:
    project = _project(call)
    call.require(Permission.VIEW_RELEASE_DEFINITION, str(project), "the project's variable groups")
    return project


def _edited(call: Call) -> UUID:
    project = _seen(call)
    call.require(Permission.EDIT_RELEASE_DEFINITION, str(project), "the project's variable groups")
    return project


def _project(call: Call) -> UUID:
    return call.required_project("that the variable group belongs to")


async def _found(
    connection: Connection, call: Call, project: UUID, group_id: int, *, locked: bool = False
) -> KeptGroup:
    found = await variable_groups.get(connection, call.vault, project, group_id, locked=locked)
    if found is None:
        raise NotFound("variable group", group_id)
    return found


def _group(group_id: int, content: GroupContent, stored: Mapping[str, str]) -> VariableGroup:
    _check_names(content)
    known = {name.casefold(): value for name, value in stored.items()}
    made = VariableGroup(group_id, content.name.strip(), content.description, content.type)
    variables, secrets = {}, {}
    for name, told in content.variables.items():
        variables[name] = GroupVariable(
            "" if told.is_secret else told.value or "", told.is_secret, name in content.read_only
        )
        if told.is_secret:
            keeps = told.value in (None, "", MASK)
            secrets[name] = known.get(name.casefold(), "") if keeps else told.value or ""
    return replace(made, variables=variables, secrets=secrets)


def _check_names(content: GroupContent) -> None:
    if not content.name.strip() or len(content.name) > LONGEST_NAME:
        raise Invalid(f"A variable group needs a name of at most {LONGEST_NAME} characters.")
    names = [content.name, *content.variables]
    if any(not character.isprintable() for name in names for character in name):
        raise Invalid("Names of variable groups and variables cannot hold control characters.")
    if any(not name.strip() for name in content.variables):
        raise Invalid("A variable needs a name.")
    folded = {name.casefold() for name in content.variables}
    if len(folded) < len(content.variables):
        raise Invalid("Two variables of the group have the same name, ignoring case.")
