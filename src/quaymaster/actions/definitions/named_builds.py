"""Which builds of ours a release definition means: names become ids when it is saved, or when the
build definition that it waits for appears (SEMANTICS 4.1, 8.1)."""

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import msgspec

from quaymaster.actions.call import Call
from quaymaster.actions.people import people
from quaymaster.domain.build_access import BuildPermission, build_permissions_at
from quaymaster.domain.build_sources import is_own_build, named_definitions, named_project
from quaymaster.domain.plan import ArtifactPlan, Plan
from quaymaster.domain.release import PersonId
from quaymaster.domain.triggers import ArtifactEvent
from quaymaster.plans import azure_artifacts
from quaymaster.store.builds import files
from quaymaster.store.definitions import artifacts as definition_artifacts
from quaymaster.store.definitions import definitions
from quaymaster.store.definitions.definitions import Definition
from quaymaster.store.people import people as identities
from quaymaster.store.postgres.database import Connection

NOT_HERE = "no release is made of its builds, and none can be chosen"


async def resolved(connection: Connection, project: UUID, plan: Plan) -> Plan:
    """The plan of a release definition with the ids of the builds that it names, and a warning by
    name for each that is not here."""
    artifacts, warnings = [], []
    for place, artifact in enumerate(plan.artifacts):
        found, warning = await _resolved(connection, project, artifact)
        artifacts.append(found)
        if warning:
            warnings.append(f"{_path(place)}: {warning}")
    if not warnings and tuple(artifacts) == plan.artifacts:
        return plan
    return replace(plan, artifacts=tuple(artifacts), warnings=(*plan.warnings, *warnings))


async def check_newly_named(
    connection: Connection, call: Call, own: UUID, before: Plan, after: Plan
) -> None:
    """Raise Forbidden for builds of another project that the caller may not view, unless the
    definition took some of there before."""
    known = {named_project(one.reference) for one in before.artifacts}
    for one in after.artifacts:
        named = named_project(one.reference)
        if not is_own_build(one.type, one.reference) or not named or named in known:
            continue
        project = await files.project_beside(connection, own, named)
        if project not in (None, own):
            shown = one.reference.get("project.name") or named
            on = f"the project {shown[:100]}, whose builds artifact {one.alias} takes"
            call.require_build(BuildPermission.VIEW_BUILDS, str(project), on)


def _path(place: int) -> str:
    return f"$.artifacts[{place}].definitionReference"


async def _resolved(
    connection: Connection, own: UUID, artifact: ArtifactPlan
) -> tuple[ArtifactPlan, str]:
    reference = artifact.reference
    if not is_own_build(artifact.type, reference):
        return artifact, ""
    named = named_project(reference)
    project = await files.project_beside(connection, own, named) if named else own
    if project is None:
        return artifact, f"there is no project {named[:100]} here, so that {NOT_HERE}; name another"
    words = named_definitions(reference)
    meant = await files.definitions_meant(connection, project, words)
    owner = named[:100] or "of the release pipeline"
    for word, found in meant.items():
        shown = word[:100]
        if not found:
            return artifact, (
                f"the project {owner} has no build pipeline {shown} yet, so that {NOT_HERE}; "
                "make it, or name another"
            )
        if len(found) > 1:
            numbers = ", ".join(str(number) for number, _ in found)
            return artifact, (
                f"several build pipelines are called {shown}, so that no release is made of their "
                f"builds; name one by its id: {numbers}"
            )
    return _with_ids(artifact, project, [meant[word][0] for word in words], words), ""


def _with_ids(
    artifact: ArtifactPlan, project: UUID, found: list[tuple[int, str]], words: tuple[str, ...]
) -> ArtifactPlan:
    (first, name), *_ = found
    first_source, *further = (f"{project}:{number}" for number, _ in found)
    ids = {"project": str(project), "definition": str(first), "definition.name": name}
    named = named_project(artifact.reference)
    if named and named.lower() != str(project):
        ids["project.name"] = artifact.reference.get("project.name") or named
    if artifact.reference.get("definitions"):
        ids["definitions"] = ",".join(str(number) for number, _ in found)
    numbers = {str(number) for number, _ in found}
    return replace(
        artifact,
        source_id=first_source,
        further_sources=tuple(further),
        reference={**artifact.reference, **ids},
        named_as=tuple(word for word in words if word not in numbers) or artifact.named_as,
    )


async def appeared(connection: Connection, build_definition: int) -> None:
    """Let release definitions that wait for a build definition of this id or name find it; safe
    to call at any time."""
    for number in await files.waited_for(connection, build_definition):
        await _look_again(connection, number)


async def told_of(call: Call, event: ArtifactEvent) -> None:
    """The same when a build ends: a release definition may have been saved while the build
    definition was."""
    number = event.source_id.rpartition(":")[2]
    if is_own_build(event.type, event.reference) and number.isdecimal():
        async with call.database.transaction() as connection:
            await appeared(connection, int(number))


async def _look_again(connection: Connection, definition_id: int) -> None:
    """Resolve once more what the document names; what means a build definition that is still
    there goes on to mean it, whatever that is called by now."""
    before = await definitions.get(connection, None, None, definition_id, locked=True)
    if before is None:
        return
    listed = msgspec.json.decode(before.document).get("artifacts") or []
    written = {one.alias: one for one in azure_artifacts.listed_in(listed)}
    artifacts = [await _kept(connection, one, written) for one in before.plan.artifacts]
    paths = tuple(_path(place) for place in range(len(artifacts)))
    others = tuple(one for one in before.plan.warnings if not one.startswith(paths))
    plain = replace(before.plan, artifacts=tuple(artifacts), warnings=others)
    plan = await resolved(connection, before.project_id, plain)
    plan = await _admitted(connection, before, plan)
    if plan != before.plan:
        await definition_artifacts.mean(connection, definition_id, plan)


async def _admitted(connection: Connection, before: Definition, plan: Plan) -> Plan:
    """Without builds of other projects that were found just now and that whoever saved the
    definition last may not view: it waits on for them, with a warning."""
    artifacts, warnings = list(plan.artifacts), list(plan.warnings)
    for place, (old, new) in enumerate(zip(before.plan.artifacts, plan.artifacts, strict=True)):
        project = new.source_id.partition(":")[0]
        is_found = new.source_id != old.source_id and is_own_build(new.type, new.reference)
        if not is_found or not _is_id(project) or UUID(project) == before.project_id:
            continue
        shown = new.reference.get("project.name") or named_project(new.reference)
        if not await _may_view(connection, before.modified_by, project):
            artifacts[place] = old
            warnings.append(
                f"{_path(place)}: who saved this release pipeline last may not view builds of the "
                f"project {shown[:100]}, so that {NOT_HERE}; let somebody "
                "save it who may"
            )
    return replace(plan, artifacts=tuple(artifacts), warnings=tuple(warnings))


async def _may_view(connection: Connection, person: PersonId | None, project: str) -> bool:
    """Whether somebody may view the builds of a project now; the product itself may."""
    if person is None:
        return True
    identity = await identities.get(connection, person)
    if identity is None or not identity.is_active:
        return False
    grants = await people.build_grants_of(connection, identity)
    return BuildPermission.VIEW_BUILDS in build_permissions_at(grants, project)


async def _kept(
    connection: Connection, one: ArtifactPlan, written: Mapping[str, ArtifactPlan]
) -> ArtifactPlan:
    if not is_own_build(one.type, one.reference):
        return one
    project, _, number = one.source_id.partition(":")
    if (
        number.isdecimal()
        and _is_id(project)
        and await files.is_build_definition(connection, UUID(project), int(number))
    ):
        return one
    return replace(written.get(one.alias, one), is_primary=one.is_primary)


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
