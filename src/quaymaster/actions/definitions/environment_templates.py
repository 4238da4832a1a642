"""Templates of environments: a project's own, and the empty one that every project has."""

from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from quaymaster.actions.call import Call
from quaymaster.actions.definitions import definitions
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Invalid, NotFound, Refused
from quaymaster.plans import azure_document
from quaymaster.plans.azure_secrets import split_secrets
from quaymaster.store.definitions import environment_templates
from quaymaster.store.definitions.environment_templates import EnvironmentTemplate

Document = dict[str, Any]

MOST = 1000
LONGEST_NAME = 256
EMPTY = uuid5(NAMESPACE_URL, "quaymaster:environment-template:empty")
# Texts of a template beside its environment and its name.
TEXTS = ("description", "category", "iconTaskId", "iconUri")


async def listed(call: Call, *, deleted: bool) -> list[EnvironmentTemplate]:
    """The project's templates by name. Raises Forbidden (view release pipeline)."""
    project = _project(call, Permission.VIEW_RELEASE_DEFINITION)
    async with call.database.read() as connection:
        return await environment_templates.listed(connection, project, deleted=deleted)


async def get(call: Call, number: UUID) -> EnvironmentTemplate:
    """One template. Raises NotFound, also for a deleted one, Forbidden."""
    project = _project(call, Permission.VIEW_RELEASE_DEFINITION)
    async with call.database.read() as connection:
        found = await environment_templates.get(connection, project, number)
    if found is None or found.is_deleted:
        raise _missing(number)
    return found


async def create(call: Call, document: Document) -> EnvironmentTemplate:
    """Keep an environment as a template; values of secret variables are left out.

    Raises Invalid for a template without a name or an environment, Refused when the project has
    too many, Forbidden (edit release pipeline).
    """
    project = _project(call, Permission.EDIT_RELEASE_DEFINITION)
    name = document.get("name")
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise Invalid(f"A template needs a name of at most {LONGEST_NAME} characters.")
    texts = {key: document.get(key) for key in TEXTS}
    for key, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise Invalid(f"{key} of a template must be a text.")
    async with call.database.transaction() as connection:
        wrapped = {"environments": [_environment(document)]}
        people = await definitions.known_people(connection, wrapped)
        (environment,) = _plain(azure_document.normalised(wrapped, people))
        if await environment_templates.count(connection, project) >= MOST:
            raise Refused(f"A project keeps at most {MOST} templates of environments.")
        kept = msgspec.json.encode({**texts, "environment": environment}).decode()
        return await environment_templates.create(
            connection, project, name.strip(), kept, call.by, call.now
        )


async def set_deleted(call: Call, number: UUID, *, deleted: bool) -> EnvironmentTemplate:
    """Delete a template softly, or bring it back. Raises NotFound, Refused for the built-in one,
    Forbidden (edit release pipeline)."""
    project = _project(call, Permission.EDIT_RELEASE_DEFINITION)
    if number == EMPTY:
        raise Refused("The empty template is built in and always there.")
    async with call.database.transaction() as connection:
        found = await environment_templates.set_deleted(
            connection, project, number, deleted=deleted, at=call.now
        )
    if found is None:
        raise _missing(number)
    return found


def _environment(document: Document) -> Document:
    environment = document.get("environment")
    if not isinstance(environment, dict):
        raise Invalid("A template needs the environment that it stands for (environment).")
    return environment


def _plain(document: Document) -> list[Document]:
    """The environments without ids of another definition and without secrets."""
    plain, _ = split_secrets(document, {})
    return [{**environment, "id": 0} for environment in plain["environments"]]


def _project(call: Call, permission: Permission) -> UUID:
    project = call.required_project("whose templates you mean")
    call.require(permission, str(project), "the project")
    return project


def _missing(number: UUID) -> NotFound:
    return NotFound("template", number, f"There is no template {number} in this project.")
