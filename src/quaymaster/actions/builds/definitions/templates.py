"""Keeping templates of build definitions (CONTRACT B.1)."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.actions.call import Call
from quaymaster.domain.access import definition_token
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.errors import Invalid, NotFound, Refused
from quaymaster.plans import build_document
from quaymaster.plans.azure_secrets import split_secrets
from quaymaster.store.definitions import build_templates
from quaymaster.store.definitions.build_templates import BuildTemplate

MOST = 1000
LONGEST_NAME = 256
TEXTS = ("description", "category", "iconTaskId", "defaultHostedQueue")


async def listed(call: Call) -> list[BuildTemplate]:
    """The project's templates by name. Raises Forbidden (view build definition)."""
    project = _project(call, BuildPermission.VIEW_BUILD_DEFINITION)
    async with call.database.read() as connection:
        return await build_templates.listed(connection, project)


async def get(call: Call, template_id: str) -> BuildTemplate:
    """One template. Raises NotFound, Forbidden."""
    project = _project(call, BuildPermission.VIEW_BUILD_DEFINITION)
    async with call.database.read() as connection:
        found = await build_templates.get(connection, project, template_id)
    if found is None:
        raise _missing(template_id)
    return found


async def save(call: Call, template_id: str, document: Mapping[str, Any]) -> BuildTemplate:
    """Keep a definition as the template of this id, in the place of the one that had it.

    Values of secret variables are left out. Raises Invalid for what is no definition, Refused when
    the project has too many, Forbidden (edit build definition).
    """
    project = _project(call, BuildPermission.EDIT_BUILD_DEFINITION)
    new = _template(template_id, document)
    async with call.database.transaction() as connection:
        if await build_templates.others(connection, project, template_id) >= MOST:
            raise Refused(f"A project keeps at most {MOST} templates of build pipelines.")
        await build_templates.put(connection, project, new, call.by, call.now)
    return new


async def delete(call: Call, template_id: str) -> None:
    """Remove a template. Raises NotFound, Forbidden (edit build definition)."""
    project = _project(call, BuildPermission.EDIT_BUILD_DEFINITION)
    async with call.database.transaction() as connection:
        if not await build_templates.delete(connection, project, template_id):
            raise _missing(template_id)


def _template(template_id: str, document: Mapping[str, Any]) -> BuildTemplate:
    name = document.get("name")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise Invalid("A template needs a name that can be read.")
    if max(len(name), len(template_id)) > LONGEST_NAME or not template_id.isprintable():
        raise Invalid(f"The id and name of a template have at most {LONGEST_NAME} characters.")
    texts = {key: document.get(key) for key in TEXTS}
    for key, text in texts.items():
        if text is not None and (not isinstance(text, str) or "\0" in text):
            raise Invalid(f"{key} of a template must be a text.")
    if not isinstance(document.get("template"), dict):
        raise Invalid("A template needs the definition that it stands for (template).")
    plain, _ = split_secrets(build_document.normalised(document["template"]), {})
    return BuildTemplate(template_id, name.strip(), _json(texts), _json(plain))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _project(call: Call, permission: BuildPermission) -> UUID:
    project = call.required_project("whose templates you mean")
    token = definition_token(str(project), "\\", 0)
    call.require_build(permission, token, "templates of build pipelines")
    return project


def _missing(template_id: str) -> NotFound:
    return NotFound(
        "template", template_id, f"There is no template {template_id[:80]} in this project."
    )
