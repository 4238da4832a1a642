"""Looking up what was built: lists, metrics, timelines, badges (SEMANTICS 22.6, 23.8, 24.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from quaymaster.actions.builds import builds
from quaymaster.actions.builds.definitions import build_definitions
from quaymaster.actions.call import Call
from quaymaster.actions.releases.reading import People, visible_projects
from quaymaster.domain.access import definition_token
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.build_plan import BuildPlan
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.numbers import digits
from quaymaster.domain.work_items import mentioned
from quaymaster.store.builds import lists, timelines
from quaymaster.store.builds.builds import branch_reference
from quaymaster.store.builds.lists import BuildFilter, BuildOrder
from quaymaster.store.builds.timelines import BuildChange, TimelineJob
from quaymaster.store.builds.views import BuildView
from quaymaster.store.definitions import build_definition_lists
from quaymaster.store.definitions.build_definition_lists import BuildDefinitionFilter, Counted
from quaymaster.store.definitions.lists import Key
from quaymaster.store.jobs import task_runs
from quaymaster.store.jobs.task_runs import TaskRun
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection

METRICS_REACH = timedelta(days=30)
WILDCARDS = ("*", "?")  # of a name that definitions are listed by


@dataclass(frozen=True, slots=True)
class BuildsFound:
    """Builds, everybody they mention, and where the next page begins."""

    views: tuple[BuildView, ...]
    people: People
    next: Key | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A build with its plan, every attempt of its jobs, and their steps."""

    view: BuildView
    plan: BuildPlan
    jobs: tuple[TimelineJob, ...]
    steps: tuple[TaskRun, ...]


def month_before(now: datetime) -> datetime:
    """From when on metrics are counted where nobody says."""
    return now - METRICS_REACH


async def after_definitions(call: Call, wanted: BuildDefinitionFilter) -> Key | None:
    """The key of the first definition after this page; None when this is the last."""
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        return await build_definition_lists.following(connection, wanted)


async def metrics(call: Call, ids: Sequence[int], since: datetime) -> list[Counted]:
    """How many builds of these definitions ended on each day, and how many are under way.

    For definitions that the caller was shown already.
    """
    async with call.database.read() as connection:
        return await build_definition_lists.counted(connection, ids, since)


async def listed(call: Call, wanted: BuildFilter, requested_for: str = "") -> BuildsFound:
    """One page of the builds that the caller may view; `requested_for` is an id or a name."""
    async with call.database.read() as connection:
        wanted = replace(wanted, projects=await visible_projects(connection, call))
        if requested_for:
            who = await people.find(connection, requested_for)
            wanted = replace(wanted, requested_for=(who.id if who else requested_for,))
        page = await lists.page(connection, wanted)
        seen = tuple(
            view
            for view in page.rows
            if call.may_build(
                BuildPermission.VIEW_BUILDS,
                definition_token(str(view.project_id), view.definition_path, view.definition_id),
            )
        )
        named = {who for view in seen for who in view.people if who}
        return BuildsFound(seen, await people.get_many(connection, list(named)), page.next)


async def build(call: Call, build_id: int, *, deleted: bool = False) -> BuildsFound:
    """One build with the people it mentions. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        view = await builds.found(connection, call, build_id, deleted=deleted)
        named = [who for who in view.people if who]
        return BuildsFound((view,), await people.get_many(connection, named))


async def newest(call: Call, definition: str, branch: str) -> BuildsFound:
    """The newest completed build of a definition, given by its id or name, of a branch; "" is its
    default branch, or any where it has none (CONTRACT B.1).

    Raises NotFound where there is none.
    """
    async with call.database.read() as connection:
        number = await definition_named(connection, call, definition)
        known = await build_definitions.found(connection, call, number)
    wanted = BuildFilter(
        (),
        definitions=(number,),
        statuses=frozenset({"completed"}),
        branch=branch_reference(branch or known.plan.repository.default_branch),
        order=BuildOrder.FINISH_DESCENDING,
        most=1,
    )
    found = await listed(call, wanted)
    if not found.views:
        raise NotFound("build", definition, "The build pipeline has no completed build.")
    return found


async def pipeline_named(call: Call, named: str) -> int:
    """The id of a definition by its id or name, for somebody who may view it. Raises NotFound."""
    async with call.database.read() as connection:
        number = await definition_named(connection, call, named)
        return (await build_definitions.found(connection, call, number)).id


async def definition_named(connection: Connection, call: Call, named: str) -> int:
    """The id of a definition by its id, its name, or its folder and name; one with a wildcard in
    its name is found by its id only. Raises NotFound."""
    number = digits(named, 9)
    if number is not None:
        return number
    folder, _, name = named.replace("/", "\\").rpartition("\\")
    if any(wildcard in name for wildcard in WILDCARDS):
        raise NotFound("buildDefinition", named[:80])
    wanted = BuildDefinitionFilter(
        await visible_projects(connection, call), name=name, path=folder, most=2
    )
    found = await build_definition_lists.page(connection, wanted)
    if len(found.rows) != 1:
        raise NotFound("buildDefinition", named[:80])
    return found.rows[0].id


async def steps(call: Call, build_id: int) -> Timeline:
    """The jobs and steps of a build. Raises NotFound, Forbidden."""
    async with call.database.read() as connection:
        view = await builds.found(connection, call, build_id)
        jobs = await timelines.jobs(connection, build_id)
        runs = await task_runs.of_build(connection, build_id)
        plan = await timelines.plan(connection, build_id)
    return Timeline(view, plan, tuple(jobs), tuple(runs))


async def changes(call: Call, build_id: int, start: int, most: int) -> list[BuildChange]:
    """The commits of a build, newest first, from the position `start` on."""
    async with call.database.read() as connection:
        await builds.found(connection, call, build_id)
        return await timelines.changes(connection, build_id, start, most)


async def changes_between(call: Call, older: int, newer: int, most: int) -> list[BuildChange]:
    """The commits of the builds of one definition after a build, up to another, newest first.

    Raises NotFound, Forbidden, Invalid for builds of different definitions.
    """
    async with call.database.read() as connection:
        first = await builds.found(connection, call, older)
        last = await builds.found(connection, call, newer)
        if first.definition_id != last.definition_id:
            raise Invalid("The two builds are not of one pipeline. Name builds of the same one.")
        return await timelines.changes_between(
            connection, first.definition_id, (older, newer), most
        )


async def tags(call: Call) -> list[str]:
    """All tags of builds of the project, by name."""
    async with call.database.read() as connection:
        projects = await visible_projects(connection, call)
        return await lists.tags(connection, projects)


def work_items(commits: Sequence[BuildChange]) -> list[str]:
    """The numbers that commit messages mention, each once, in their order (24.5)."""
    return [str(number) for number in mentioned(commit.message for commit in commits)]


async def remove_tag_everywhere(call: Call, tag: str) -> list[str]:
    """Take a tag from every build and build definition of the project; the tags that are left.
    Raises Forbidden (update build information of the whole project)."""
    project = call.required_project("whose tag is to go")
    permission = BuildPermission.UPDATE_BUILD_INFORMATION | BuildPermission.EDIT_BUILD_DEFINITION
    call.require_build(permission, str(project), "the project's builds")
    async with call.database.transaction() as connection:
        await lists.remove_tag(connection, project, tag.strip())
    return await tags(call)


async def project_metrics(call: Call, since: datetime) -> list[Counted]:
    """How many builds of the project's definitions that the caller may view ended on each day, and
    how many are under way."""
    async with call.database.read() as connection:
        wanted = BuildDefinitionFilter(await visible_projects(connection, call))
        page = await build_definition_lists.page(connection, wanted)
        seen = [
            row.id
            for row in page.rows
            if call.may_build(
                BuildPermission.VIEW_BUILDS,
                definition_token(str(row.project_id), row.path, row.id),
            )
        ]
        return await build_definition_lists.counted(connection, seen, since)


async def newest_of_repository(call: Call, kind: str, named: str, branch: str) -> BuildView:
    """The newest completed build of a repository, of a branch ("": any). Raises NotFound."""
    wanted = BuildFilter(
        (),
        statuses=frozenset({"completed"}),
        branch=branch_reference(branch),
        repository_id=named,
        repository_type=kind,
        order=BuildOrder.FINISH_DESCENDING,
        most=1,
    )
    found = await listed(call, wanted)
    if not found.views:
        raise NotFound("build", named[:80], f"There is no completed build of {named[:80]} here.")
    return found.views[0]
