"""Moving one branch of a repository, provided that it is where it was seen."""

from pathlib import Path
from typing import TYPE_CHECKING

from quaymaster.runner.repositories import mirrors
from quaymaster.runner.repositories.addresses import Address
from quaymaster.runner.repositories.program import GitFailed, git_for, program
from quaymaster.runner.repositories.reach import Reach

if TYPE_CHECKING:
    from dulwich.repo import Repo


def push(place: Address, mirror: Path, reach: Reach, ref: str, old: str, new: str) -> None:
    """Let a ref of the repository point to a commit of its copy; `old` "" is a ref that is not
    there. Raises CannotReach, GitFailed, also when the ref has moved meanwhile."""
    if program() is None:
        mirrors.client(place, reach).move(mirror, ref, old, new)
        return
    with git_for([place], mirror, reach) as git:
        lease = f"--force-with-lease={ref}:{old}"
        git.run("push", "--quiet", "--no-verify", lease, "--", place.shown, f"{new}:{ref}")


def move(repository: "Repo", ref: str, old: str, new: str) -> None:
    """The same in a repository on this machine. Raises GitFailed when the ref has moved, or
    somebody else is moving it."""
    from dulwich.file import FileLocked  # noqa: PLC0415 - loaded where it is used
    from dulwich.objects import ZERO_SHA, ObjectID  # noqa: PLC0415 - loaded where it is used
    from dulwich.refs import Ref  # noqa: PLC0415 - loaded where it is used

    expected = ObjectID(old.encode()) if old else ZERO_SHA
    name: Ref = Ref(ref.encode())
    found: ObjectID = ObjectID(new.encode())
    try:
        is_moved = repository.refs.set_if_equals(name, expected, found)
    except FileLocked as error:
        raise GitFailed(f"{ref} is being moved by somebody else.") from error
    if not is_moved:
        raise GitFailed(f"{ref} has moved meanwhile.")
