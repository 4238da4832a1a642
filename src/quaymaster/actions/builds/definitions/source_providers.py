"""Looking into the repositories that builds are made of, before a definition is saved (CONTRACT
B.1 sourceProviders)."""

from dataclasses import dataclass, replace
from uuid import UUID

from quaymaster.actions.builds.definitions import build_sources
from quaymaster.actions.builds.definitions.build_sources import Sources
from quaymaster.actions.call import Call
from quaymaster.actions.ports.outside import Listed
from quaymaster.actions.resources import connections
from quaymaster.domain.build_access import BuildPermission
from quaymaster.domain.build_plan import RepositoryPlan
from quaymaster.domain.errors import Invalid, NotFound
from quaymaster.domain.pull_requests import PullRequest
from quaymaster.plans.build_triggers import repository_keys
from quaymaster.store.builds import facts
from quaymaster.store.builds.facts import KnownRepository
from quaymaster.store.candidates import pull_requests

KINDS = ("Git", "GitHub", "TfsGit")
HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A repository as a caller names it: its provider, its id, name or address, and the service
    connection that signs in."""

    provider: str
    repository: str = ""
    connection: str = ""


async def repositories(call: Call, wanted: Wanted) -> list[KnownRepository]:
    """The repositories of a provider that the project's build definitions name; those of this
    name only, if one is given. Raises Invalid, Forbidden."""
    project, kind = _project(call), kind_of(wanted.provider)
    permission = BuildPermission.VIEW_BUILD_DEFINITION
    call.require_build(permission, str(project), "the project's build pipelines")
    async with call.database.read() as connection:
        found = await facts.repositories(connection, project, kind)
    name = wanted.repository.casefold()
    return [one for one in found if not name or name in _words(one)]


async def branches(call: Call, wanted: Wanted) -> list[str]:
    """The names of a repository's branches. Raises Invalid, Forbidden."""
    heads = await build_sources.heads(call, await _opened(call, wanted))
    return sorted(ref.removeprefix(HEADS) for ref in heads if ref.startswith(HEADS))


async def file(call: Call, wanted: Wanted, version: str, path: str) -> str:
    """The text of a file of a branch or commit ("": of the default branch). Raises Invalid."""
    sources = await _opened(call, wanted)
    found = await build_sources.commit(call, sources, "", version)
    return await build_sources.file(call, sources, found.id, path)


async def folder(call: Call, wanted: Wanted, version: str, path: str) -> list[Listed]:
    """What is in a folder of a branch or commit, folders first. Raises Invalid."""
    sources = await _opened(call, wanted)
    found = await build_sources.commit(call, sources, "", version)
    return await build_sources.folder(call, sources, found.id, path)


async def pull_request(call: Call, wanted: Wanted, number: int) -> PullRequest:
    """A pull request of a repository that the project's definitions name, as a webhook told of it
    last; its server is not asked. Raises Invalid, Forbidden, NotFound."""
    if not wanted.repository.strip():
        raise Invalid("Name the repository.")
    named = await repositories(call, wanted)
    keys = [key for one in named for key in repository_keys(_plan(wanted, one))]
    async with call.database.read() as connection:
        found = await pull_requests.known(connection, _project(call), keys, [number])
    if not found:
        raise NotFound("pull request", number)
    return found[0]


async def _opened(call: Call, wanted: Wanted) -> Sources:
    """A repository that a definition of the project names, or any other, for who may edit
    definitions (and so could have it read by saving one) and use the connection."""
    if not wanted.repository.strip():
        raise Invalid("Name the repository.")
    project = _project(call)
    permission = BuildPermission.EDIT_BUILD_DEFINITION
    call.require_build(permission, str(project), "the project's build pipelines")
    known = await repositories(call, wanted)
    plan = _plan(wanted, known[0]) if known and not wanted.connection else _unknown(wanted)
    if plan.connection:
        async with call.database.read() as connection:
            await connections.check_use(connection, call, [plan.connection])
    return await build_sources.opened(call, project, plan)


def _unknown(wanted: Wanted) -> RepositoryPlan:
    return RepositoryPlan(
        type=kind_of(wanted.provider),
        name=wanted.repository,
        url="" if _is_name(wanted) else wanted.repository,
        connection=wanted.connection,
    )


def _plan(wanted: Wanted, known: KnownRepository) -> RepositoryPlan:
    plan = RepositoryPlan(
        type=kind_of(wanted.provider), id=known.id, name=known.name, url=known.url
    )
    return replace(plan, default_branch=known.default_branch, connection=known.connection)


def _is_name(wanted: Wanted) -> bool:
    """owner/name at GitHub; everything else is an address or a path."""
    is_address = "://" in wanted.repository or wanted.repository.startswith("/")
    return kind_of(wanted.provider) == "GitHub" and not is_address


def _words(one: KnownRepository) -> set[str]:
    return {one.id.casefold(), one.name.casefold(), one.url.casefold()} - {""}


def kind_of(provider: str) -> str:
    """A provider as it is spelled. Raises Invalid for one that there is not."""
    known = {kind.casefold(): kind for kind in KINDS}
    if provider.casefold() not in known:
        raise Invalid(
            f"There is no source provider {provider[:80]!r} here. Use one of {', '.join(KINDS)}."
        )
    return known[provider.casefold()]


def _project(call: Call) -> UUID:
    return call.required_project("whose repositories are meant")
