"""Editing what one release will do: its own copy of the definition (SEMANTICS 6.2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import happen_within
from quaymaster.actions.definitions import artifacts, definitions
from quaymaster.actions.definitions.artifacts import Choice
from quaymaster.actions.resources import secure_files, task_groups
from quaymaster.actions.resources.connections import check_newly_used
from quaymaster.domain.access import Permission, definition_token, stage_token
from quaymaster.domain.changes import SnapshotEdited
from quaymaster.domain.errors import NotFound, Refused
from quaymaster.domain.plan import Plan
from quaymaster.domain.release import Release, ReleaseId
from quaymaster.domain.statuses import ReleaseStatus
from quaymaster.plans import azure, azure_document
from quaymaster.store.deployments.places import Place
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import edits, release_secrets, releases
from quaymaster.store.releases.records import ReleaseArtifact
from quaymaster.store.releases.writing import snapshots
from quaymaster.store.resources.task_groups import keep_for_release

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SnapshotEdit:
    """What somebody wants of a release's snapshot; what is not mentioned stays as it is.

    `variables` is the whole set in its published form. `stages` holds, by definition stage id,
    the parts of the document's environments that are replaced, `variables` among them. `choices`
    are the artifact versions that differ.
    """

    variables: Document | None = None
    stages: Mapping[int, Document] = field(default_factory=dict)
    choices: tuple[Choice, ...] = ()
    comment: str = ""


async def versions(
    call: Call, release_id: ReleaseId, edit: SnapshotEdit
) -> tuple[ReleaseArtifact, ...]:
    """The artifact versions that are named, asked of their sources outside any transaction.

    Raises Invalid for an alias that the release does not have or a version that is not there.
    """
    if not edit.choices:
        return ()
    async with call.database.read() as connection:
        release = await releases.load(connection, release_id)
    if release is None:
        raise NotFound("release", release_id)
    wanted = {choice.alias.casefold(): choice for choice in edit.choices}
    found = await artifacts.chosen(call, release.plan, wanted, is_draft=True)
    return tuple(version for version in found if version.alias.casefold() in wanted)


async def revise(
    connection: Connection,
    call: Call,
    place: Place,
    edit: SnapshotEdit,
    chosen: tuple[ReleaseArtifact, ...],
) -> None:
    """Edit a release that the caller may manage; nothing is saved when nothing differs.

    Raises Invalid with every problem at its JSON path, Forbidden for a stage or approvers that the
    caller may not change or a service connection that the caller may not use, Refused for an
    abandoned release and for versions of one that is no draft any more.
    """
    release_id = ReleaseId(place.release_id)
    release = await releases.locked(connection, release_id)
    if release is None:
        raise NotFound("release", release_id)
    if chosen:
        await _choose(connection, release, chosen)
    before = await _as_it_stands(connection, call, release)
    after = await _as_wanted(connection, before, edit)
    if after == before:
        return
    groups = await task_groups.of_release(connection, place.project_id, release_id, after.document)
    plan = azure.compile_definition(after.document, groups=groups)
    plan = replace(plan, named_since=release.plan.named_since)
    was = azure.compile_definition(before.document, groups=groups)
    given = definitions.stages_with_other_secrets(before.secrets, after.secrets)
    _authorise(call, place, was, plan, given)
    await check_newly_used(connection, call, was, plan)
    await secure_files.check_newly_used(connection, call, was, plan)
    event = SnapshotEdited(
        call.by, plan, after.variables(), after.stage_variables(), comment=edit.comment
    )
    await happen_within(connection, call, release_id, event)
    await keep_for_release(connection, release_id, task_groups.chosen(plan, groups))
    await _keep(connection, call, release, before, after, edit.comment)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The document with the values that this release has, and its secrets beside it."""

    document: Document
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    def variables(self) -> dict[str, str]:
        return _plain(self.document)

    def stage_variables(self) -> dict[int, Mapping[str, str]]:
        return {stage["id"]: _plain(stage) for stage in self.document["environments"]}


def _plain(owner: Document) -> dict[str, str]:
    """The values of the variables that are no secrets."""
    found = {}
    for name, variable in (owner.get("variables") or {}).items():
        if isinstance(variable, dict) and not variable.get("isSecret"):
            found[name] = variable.get("value") or ""
    return found


async def _as_it_stands(connection: Connection, call: Call, release: Release) -> _Snapshot:
    document = msgspec.json.decode(await edits.snapshot_of(connection, release.id))
    stages = {stage.plan.definition_stage_id: stage for stage in release.stages}
    document = _with_values(document, release.variables)
    document["environments"] = [
        _with_values(stage, stages[stage["id"]].variables) for stage in document["environments"]
    ]
    secrets = await _secrets(connection, call, release)
    return _Snapshot(*azure_document.split_secrets(document, secrets))


def _with_values(owner: Document, values: Mapping[str, str]) -> Document:
    """The document's part with what its variables hold in this release."""
    made: Document = dict(owner.get("variables") or {})
    for name, value in values.items():
        known = made.get(name)
        made[name] = {**(known if isinstance(known, dict) else {}), "value": value}
    return {**owner, "variables": made} if made else dict(owner)


async def _secrets(connection: Connection, call: Call, release: Release) -> dict[str, str]:
    """All secrets of a release by their place in the document."""
    own = await release_secrets.of_release(connection, call.vault, release.id)
    found = {f"variables/{name}": value for name, value in own.items()}
    for stage in release.stages:
        secrets = await release_secrets.of_stage(connection, call.vault, stage.id)
        for name, value in secrets.stage.items():
            found[_place(stage.plan.definition_stage_id, name)] = value
    return found


def _place(number: int, name: str = "") -> str:
    return f"environments/{number}/variables/{name}"


async def _as_wanted(connection: Connection, before: _Snapshot, edit: SnapshotEdit) -> _Snapshot:
    edited = _edited(before.document, edit)
    people = await definitions.known_people(connection, edited)
    document = azure_document.normalised(edited, people)
    known = azure_document.ids_in(before.document)
    document = await definitions.numbered(connection, document, known)
    return _Snapshot(*azure_document.split_secrets(document, before.secrets))


def _edited(document: Document, edit: SnapshotEdit) -> Document:
    made = dict(document)
    if edit.variables is not None:
        made["variables"] = edit.variables
    made["environments"] = [
        {**stage, **edit.stages.get(stage["id"], {})} for stage in document["environments"]
    ]
    return made


async def _choose(
    connection: Connection, release: Release, chosen: tuple[ReleaseArtifact, ...]
) -> None:
    if release.status is not ReleaseStatus.DRAFT:
        raise Refused(
            "The artifact versions of a release can only be changed while it is a draft. "
            "Create a new release with the other versions."
        )
    others = {version.alias: version for version in chosen}
    held = await snapshots.artifacts(connection, release.id)
    versions = tuple(others.get(version.alias, version) for version in held)
    await snapshots.set_artifacts(connection, release.id, versions)


def _authorise(
    call: Call, place: Place, before: Plan, after: Plan, other_secrets: set[int]
) -> None:
    project = str(place.project_id)
    token = definition_token(project, place.path, place.definition_id)
    call.require(Permission.MANAGE_RELEASES, token, f"release {place.release_name}")
    for number, permission, name in definitions.stage_changes(before, after, other_secrets):
        there = stage_token(project, place.path, place.definition_id, number)
        call.require(permission, there, f"stage {name}")


async def _keep(
    connection: Connection,
    call: Call,
    release: Release,
    before: _Snapshot,
    after: _Snapshot,
    comment: str,
) -> None:
    text = msgspec.json.encode(after.document).decode()
    await edits.revise_snapshot(connection, release.id, text, call.by, call.now, comment)
    secrets = {**await _of_groups(connection, call, release, before, after), **after.secrets}
    own = dict(_below("variables/", secrets))
    await release_secrets.keep_for_release(connection, call.vault, release.id, own)
    for stage in release.stages:
        own = dict(_below(_place(stage.plan.definition_stage_id), secrets))
        await release_secrets.keep_for_stage(connection, call.vault, stage.id, own)


async def _of_groups(
    connection: Connection, call: Call, release: Release, before: _Snapshot, after: _Snapshot
) -> dict[str, str]:
    """The secrets that no document declares, because they came of variable groups: they stay."""
    declared = _declared(before.document) | _declared(after.document)
    held = await _secrets(connection, call, release)
    return {place: value for place, value in held.items() if place.lower() not in declared}


def _declared(document: Document) -> set[str]:
    """The places of all variables of a document, in lower case."""
    found = {f"variables/{name}" for name in document.get("variables") or {}}
    for stage in document["environments"]:
        found |= {_place(stage["id"], name) for name in stage.get("variables") or {}}
    return {place.lower() for place in found}


def _below(start: str, secrets: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The secrets of one owner by the name of the variable."""
    for place, value in secrets.items():
        if place.startswith(start):
            yield place.removeprefix(start), value
