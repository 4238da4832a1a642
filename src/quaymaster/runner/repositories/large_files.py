"""Git LFS: files that a repository only points to, brought by the program that knows how."""

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


def bring(git: Git) -> None:
    """Put the files in the place of what points to them. Raises GitFailed."""
    git.run("lfs", "install", "--local", "--skip-smudge")
    git.run("lfs", "pull")
