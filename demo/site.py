"""A small web site in a git repository of its own, in two tagged versions; the second is broken."""

from pathlib import Path

from dulwich import porcelain
from dulwich.repo import Repo

AUTHOR = b"Demo <demo@quaymaster.invalid>"
GOOD, BROKEN, BUILT = "v1.0", "v2.0", "v3.0"


def page(version: str) -> str:
    """What a visitor sees; the demo looks for the version in it."""
    return f"<!doctype html><title>Harbour news</title><h1>Harbour news {version}</h1>\n"


def generate(folder: Path) -> dict[str, str]:
    """Make the repository; the commit id of each tag."""
    repository = porcelain.init(str(folder))
    commits = {
        GOOD: _commit(repository, folder, GOOD, health="ok"),
        BROKEN: _commit(repository, folder, BROKEN, health="database schema missing"),
    }
    repository.close()
    return commits


def push(folder: Path, version: str) -> tuple[str, str]:
    """One more version on the branch that is checked out; the branch and the commit."""
    with Repo(str(folder)) as repository:
        commit = _commit(repository, folder, version, health="ok")
        chain, _ = repository.refs.follow(b"HEAD")
        return chain[-1].decode(), commit


def _commit(repository: Repo, folder: Path, version: str, health: str) -> str:
    files = {
        "index.html": page(version),
        "health.txt": f"{health}\n",
        "version.txt": f"{version}\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    porcelain.add(repository, [str(folder / name) for name in files])
    commit = porcelain.commit(
        repository, message=f"Harbour news {version}".encode(), author=AUTHOR, committer=AUTHOR
    )
    porcelain.tag_create(
        repository, version.encode(), message=version.encode(), annotated=True, author=AUTHOR
    )
    return commit.decode()
