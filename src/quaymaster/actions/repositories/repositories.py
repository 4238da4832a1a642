"""Definitions that release one repository under versions: found, made and given environments."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.actions.call import Call, Project
from quaymaster.actions.definitions import definitions as definition_actions
from quaymaster.actions.repositories import cut_clocks, deployment_methods, sources
from quaymaster.domain import release_versions, workflows
from quaymaster.domain.access import Permission, definition_token, stage_token
from quaymaster.domain.errors import Conflict, Invalid, NotFound
from quaymaster.domain.workflows import Workflow
from quaymaster.plans import repository_document
from quaymaster.store.candidates import candidates
from quaymaster.store.candidates import repositories as rows
from quaymaster.store.candidates.candidates import Candidate
from quaymaster.store.candidates.repositories import (
    Named,
    RepositoryDefinition,
    RepositoryEnvironment,
)
from quaymaster.store.definitions import definitions
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment
from quaymaster.store.deployments.places import Place
from quaymaster.store.people import projects
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.seed import DEFAULT_PROJECT

BUILD_METHOD, DEPLOYMENT_METHOD = "build_method", "deployment_method"  # keys of settings
ROLLBACK_ON_FAILURE = "rollback_on_failure"  # of an environment
HOLD_AFTER_ROLLBACK = "hold_after_rollback"
TIERS = ("production", "staging", "development")


@dataclass(frozen=True, slots=True)
class Scene:
    """What the names of a request mean, and the call inside the project they stand in."""

    call: Call
    definition: RepositoryDefinition
    environment_found: RepositoryEnvironment | None = None

    @property
    def environment(self) -> RepositoryEnvironment:
        if self.environment_found is None:
            raise NotFound("environment", "")
        return self.environment_found

    @property
    def token(self) -> str:
        found = self.definition
        return definition_token(str(found.project_id), found.path, found.definition_id)

    @property
    def stage_token(self) -> str:
        found = self.definition
        return stage_token(
            str(found.project_id), found.path, found.definition_id, self.environment.id
        )

    def require(self, permission: Permission) -> None:
        """Raise Forbidden unless the caller has it on the environment, or else the definition."""
        if self.environment_found:
            where, name = self.stage_token, self.environment_found.name
        else:
            where, name = self.token, self.definition.definition_name
        self.call.require(permission, where, name)


@dataclass(frozen=True, slots=True)
class NewDefinition:
    """A repository to be released, `org/name`, under the name that people will call it by."""

    name: str
    repository: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    project: str = ""


@dataclass(frozen=True, slots=True)
class NewEnvironment:
    """An environment of it; `parent` is the one deployed before it."""

    name: str
    tier: str = "development"
    parent: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    workflow: Workflow | None = None


async def scene(
    connection: Connection, call: Call, name: str, environment: str | None = None
) -> Scene:
    """What these names mean to the caller.

    Raises NotFound of the kind "definition" or "environment", also for what the caller must not
    know of.
    """
    organization, only = _reach(call, name)
    found = await rows.find(connection, organization, only, name, environment or "")
    return _scene(call, found, name, environment)


def _reach(call: Call, name: str) -> tuple[UUID, UUID | None]:
    """The organization to look in, and the only project of it, if there is one."""
    caller = call.caller
    if caller is None:
        raise NotFound("definition", name)
    return UUID(caller.organization), UUID(caller.only_project) if caller.only_project else None


def _scene(call: Call, found: Named | None, name: str, environment: str | None) -> Scene:
    if found is None or not (call.caller and call.caller.sees(str(found.definition.project_id))):
        raise NotFound("definition", name)
    if environment is not None and found.environment is None:
        raise NotFound("environment", environment)
    known = found.definition
    inside = Project(str(known.project_id), known.project_name, "")
    return Scene(replace(call, project=inside), known, found.environment)


@dataclass(frozen=True, slots=True)
class Told:
    """A release that somebody tells of; `newest` is its newest attempt in the environment, but
    for how that stands."""

    scene: Scene
    candidate: Candidate
    newest: EnvironmentDeployment | None


async def told_of(
    connection: Connection, call: Call, name: str, environment: str, version: str
) -> Told:
    """What `scene` and `candidate` find, in one statement. Raises what they raise."""
    organization, only = _reach(call, name)
    found = await candidates.find_told(connection, organization, only, name, environment, version)
    named, known, newest = found or (None, None, None)
    there = _scene(call, named, name, environment)
    if known is None:
        raise NotFound("release", version)
    return Told(there, known, newest)


async def numbered(
    connection: Connection, call: Call, definition: int, environment: int = 0
) -> Scene:
    """The same by ids, within the project of the call if it has one. Raises NotFound."""
    found = await rows.by_number(connection, call.project_id, definition, environment)
    if found is None:
        raise NotFound("definition", definition)
    if environment and found.environment is None:
        raise NotFound("environment", environment)
    known = found.definition
    inside = call.project or Project(str(known.project_id), known.project_name, "")
    return Scene(replace(call, project=inside), known, found.environment)


async def of_stage(connection: Connection, call: Call, place: Place) -> Scene | None:
    """The environment of a release's stage; None when the definition has it no more."""
    try:
        return await numbered(connection, call, place.definition_id, place.definition_stage_id)
    except NotFound:
        return None


async def looked_up(call: Call, name: str, environment: str | None = None) -> Scene:
    """The same for those who only look. Raises NotFound, Forbidden (view releases)."""
    async with call.database.read() as connection:
        found = await scene(connection, call, name, environment)
    found.call.require(Permission.VIEW_RELEASES, found.token, found.definition.definition_name)
    return found


def holds_after_rollback(found: Scene) -> bool:
    """Whether an automatic rollback leaves the environment held: those of repositories, unless
    they are set otherwise."""
    is_set: bool | None = found.environment.settings.get(HOLD_AFTER_ROLLBACK)
    return bool(found.definition.repository) if is_set is None else is_set


async def candidate(connection: Connection, found: Scene, version: str) -> Candidate:
    """The release of this version. Raises NotFound of the kind "release"."""
    environment = found.environment_found.id if found.environment_found else 0
    known = await candidates.find(connection, found.definition.definition_id, environment, version)
    if known is None:
        raise NotFound("release", version)
    return known


async def listed(call: Call) -> list[RepositoryDefinition]:
    """All definitions that can be found by name and that the caller may view."""
    if call.caller is None:
        return []
    only = UUID(call.caller.only_project) if call.caller.only_project else None
    async with call.database.read() as connection:
        found = await rows.listed(connection, UUID(call.caller.organization), only)
    return [
        one
        for one in found
        if call.may(
            Permission.VIEW_RELEASE_DEFINITION,
            definition_token(str(one.project_id), one.path, one.definition_id),
        )
    ]


async def environments(call: Call, found: Scene) -> list[RepositoryEnvironment]:
    async with call.database.read() as connection:
        return await rows.environments(connection, found.definition.definition_id)


# ---- making them ----------------------------------------------------------------------------


async def create(call: Call, new: NewDefinition) -> Scene:
    """Make a definition of a repository, without any environment yet.

    Raises Invalid for a name or a repository that cannot be one, Conflict for a name that is
    taken anywhere in the organization, Forbidden (edit release pipeline).
    """
    if not release_versions.is_project_name(new.name):
        raise Invalid("Invalid name: use letters, digits, '-', '_' and spaces.")
    if not release_versions.is_repository(new.repository):
        raise Invalid("Invalid repository: write it as org/name.")
    async with call.database.read() as connection:
        inside = replace(call, project=await _home(connection, call, new.project))
    if new.settings:
        cut_clocks.check(new.settings)
        inside.require(Permission.EDIT_RELEASE_DEFINITION, str(inside.project_id), "its settings")
        await sources.check(inside, new.settings, new.repository)
        await cut_clocks.check_reach(inside, new.settings, new.repository)
    async with call.database.transaction() as connection:
        build = method_of(new.settings, BUILD_METHOD)
        await deployment_methods.check_build(connection, inside, build)
        await check_free(connection, inside, new.name)
        document = repository_document.definition(new.name, new.repository)
        document = repository_document.connected(document, *sources.said(new.settings))
        made = await definition_actions.create_within(
            connection, inside, document, may_be_empty=True
        )
        await rows.put_definition(connection, made.id, new.repository, new.settings)
        await cut_clocks.follow(connection, made.id, new.settings, call.now)
        return await scene(connection, call, new.name)


async def _home(connection: Connection, call: Call, wanted: str) -> Project:
    """The project to make it in: the one named, the token's own, or the one there always is."""
    caller = call.caller
    name = wanted or (caller.only_project if caller else "") or DEFAULT_PROJECT
    row = caller and await projects.find(connection, UUID(caller.organization), name)
    if not caller or not row or not caller.sees(str(row.id)):
        raise NotFound("project", name)
    return Project(str(row.id), row.name, row.organization)


async def check_free(connection: Connection, call: Call, name: str) -> None:
    """Raise Conflict when a definition of a repository is called so anywhere."""
    if call.caller and await rows.is_taken(connection, UUID(call.caller.organization), name):
        raise Conflict(f"There is already a release project {name!r}.")


async def add_environment(call: Call, project: str, new: NewEnvironment) -> Scene:
    """Give a definition one more environment, deployed by somebody outside until set otherwise.

    Raises NotFound, Invalid, Conflict for a name that is taken, Forbidden.
    """
    _check_environment(new)
    async with call.database.transaction() as connection:
        found = await scene(connection, call, project)
        definition = await definitions.get(
            connection,
            call.vault,
            found.definition.project_id,
            found.definition.definition_id,
            locked=True,
        )
        if definition is None:
            raise NotFound("definition", project)
        document = msgspec.json.decode(definition.document)
        stages = document["environments"]
        if any(stage["name"].casefold() == new.name.casefold() for stage in stages):
            raise Conflict(f"There is already an environment {new.name!r}.")
        parent = await parent_id(connection, definition.id, new.parent)
        added = repository_document.stage(new.name, len(stages) + 1)
        phases = await deployment_methods.phases(connection, found.call, new.workflow)
        added["deployPhases"] = deployment_methods.kept(added, phases)
        rolls_back = bool(new.settings.get(ROLLBACK_ON_FAILURE))
        added["environmentTriggers"] = repository_document.triggers(rolls_back=rolls_back)
        await definition_actions.update_within(
            connection,
            found.call,
            {
                **repository_document.with_stages(document, [*stages, added]),
                "id": definition.id,
                "revision": definition.revision,
            },
        )
        found = await scene(connection, call, project, new.name)
        settings = {**new.settings, **method_settings(new.workflow)}
        environment = replace(found.environment, tier=new.tier, parent_id=parent, settings=settings)
        await rows.put_environment(connection, definition.id, environment)
        return replace(found, environment_found=environment)


def method_settings(workflow: Workflow | None) -> dict[str, Any]:
    """How a method is kept among the settings of an environment."""
    return {DEPLOYMENT_METHOD: workflows.written(workflow) if workflow else None}


def method_of(settings: Mapping[str, Any], key: str) -> Workflow | None:
    """The method that is kept under this key."""
    return workflows.read(settings.get(key) or {})


def _check_environment(new: NewEnvironment) -> None:
    if not release_versions.is_environment_name(new.name):
        raise Invalid("Invalid name: use letters, digits, '-' and '_'.")
    if new.tier not in TIERS:
        raise Invalid(f"Invalid tier: use one of {', '.join(TIERS)}.")


async def parent_id(connection: Connection, definition: int, name: str) -> int | None:
    """The id of the environment that is to come before another; "" is none. Raises Invalid."""
    if not name:
        return None
    for one in await rows.environments(connection, definition):
        if one.name == name:
            return one.id
    raise Invalid(f"Invalid parent: there is no environment {name!r}.")
