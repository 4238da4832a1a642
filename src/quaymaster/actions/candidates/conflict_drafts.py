"""Draft pull requests in which somebody resolves the conflict of a cherry-pick (AVIATOR 1)."""

from quaymaster.actions.ports.outside import CodeRepository, Repositories
from quaymaster.actions.ports.picking import Offer, Picked
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.errors import Invalid
from quaymaster.sources import draft_pull_requests
from quaymaster.sources.asking import SourceProblem
from quaymaster.sources.draft_pull_requests import Draft
from quaymaster.store.candidates.cherry_picks import CherryPick

HEADS = "refs/heads/"
MARKS = (b"<<<<<<< ", b">>>>>>> ")


async def advice(
    found: Scene,
    outside: Repositories,
    source: CodeRepository,
    pick: CherryPick,
    picked: Picked,
) -> str:
    """What somebody has to do about a conflict; a draft pull request is opened for it where the
    repository's server takes one from us. What stands in the way of that is said, too."""
    web, connection = found.call.installation.outside.web, source.connection
    problem = ""
    if web and connection and draft_pull_requests.can_open(connection):
        head = f"{HEADS}cherry-pick/{pick.version}-{pick.id}"
        try:
            offer = Offer(pick.branch, pick.base_commit, head, picked.draft)
            await outside.offered(source, offer)
            draft = _draft(found, pick, picked, head)
            page = await draft_pull_requests.opened(web, connection, draft)
            return _resolve_there(pick, picked, page)
        except (Invalid, SourceProblem) as error:
            problem = f" No draft pull request could be opened: {error.message}"
    return _resolve_by_hand(pick, picked) + problem


async def check_resolved(
    outside: Repositories, source: CodeRepository, pick: CherryPick, commit: str
) -> None:
    """Raise Invalid for a commit in which the marks of a conflict are left, as in a draft that was
    merged as it was opened. Files that had such marks before are taken as they are."""
    for path in pick.conflicts:
        if await _is_marked(outside, source, commit, path) and not await _is_marked(
            outside, source, pick.base_commit, path
        ):
            raise Invalid(
                f"{path} still holds the marks of the conflict in {commit[:12]}. Resolve it, and "
                "accept the result."
            )


async def _is_marked(outside: Repositories, source: CodeRepository, commit: str, path: str) -> bool:
    try:
        lines = (await outside.file(source, commit, path)).splitlines()
    except Invalid:
        return False  # it is not there
    return all(any(line.startswith(mark) for line in lines) for mark in MARKS)


def _draft(found: Scene, pick: CherryPick, picked: Picked, head: str) -> Draft:
    paths = "\n".join(f"* `{path}`" for path in picked.conflicts)
    text = (
        f"{picked.at[:12]} conflicts with {pick.base_name} in\n\n{paths}\n\nResolve the marked "
        f"conflicts on {head.removeprefix(HEADS)}, merge it, and accept the resolution of "
        f"cherry-pick {pick.id}.{_rest(pick, picked)}"
    )
    title = f"Cherry-pick {picked.at[:12]} on {pick.version}"
    branch = pick.branch.removeprefix(HEADS)
    return Draft(found.definition.repository, head.removeprefix(HEADS), branch, title, text)


def _resolve_there(pick: CherryPick, picked: Picked, page: str) -> str:
    return (
        f"{picked.at[:12]} conflicts with {pick.base_name}. The draft pull request {page} holds "
        f"the conflict: resolve it there, merge it into {pick.branch.removeprefix(HEADS)}, and "
        f"accept it; or give the cherry-pick up.{_rest(pick, picked)}"
    )


def _rest(pick: CherryPick, picked: Picked) -> str:
    """The commits after the one that conflicts, which the draft does not have yet."""
    left = pick.commits[pick.commits.index(picked.at) + 1 :]
    listed = " ".join(one[:12] for one in left)
    return f" What follows is not in it yet: `git cherry-pick -x {listed}`." if left else ""


def _resolve_by_hand(pick: CherryPick, picked: Picked) -> str:
    branch = pick.branch.removeprefix(HEADS)
    listed = " ".join(one[:12] for one in pick.commits)
    return (
        f"{picked.at[:12]} conflicts with {pick.base_name}. Begin a branch at "
        f"{pick.base_commit[:12]}, run `git cherry-pick -x {listed}`, resolve the conflicts, push "
        f"the result to {branch}, and accept it; or give the cherry-pick up."
    )
