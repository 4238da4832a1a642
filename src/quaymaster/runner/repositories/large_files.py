"""Git LFS: files that a repository only points to, brought by the program that knows how."""

from quaymaster.runner.repositories.addresses import Address
from quaymaster.runner.repositories.program import Git, GitFailed

MISSING = (
    "The sources are to come with the files of Git LFS, and git-lfs is not on this machine. "
    "Install it where the worker runs, or switch LFS off in the definition's repository."
)


def is_installed(git: Git) -> bool:
    """Whether git finds the program."""
    try:
        git.run("lfs", "version")
    except GitFailed:
        return False
    return True


def bring(git: Git, place: Address) -> None:
    """Put the files in the place of what points to them. Raises GitFailed.

    They are asked for where the repository is: a file `.lfsconfig` in it is not to say where else.
    Where the files themselves are is that server's word, and git-lfs goes there.
    """
    git.run("lfs", "install", "--local", "--skip-smudge", "--skip-repo")
    git.run("config", "--local", "lfs.url", _server(place))
    git.run("lfs", "pull")


def _server(place: Address) -> str:
    """Whom git-lfs asks for the files of a repository, as it finds out itself by default."""
    if place.path is not None:
        return place.path.as_uri()
    if place.scheme == "ssh":
        return place.url
    return place.url.rstrip("/").removesuffix(".git") + ".git/info/lfs"
