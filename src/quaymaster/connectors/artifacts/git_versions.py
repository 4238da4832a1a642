"""Versions of a git repository on this machine: its tags and the commits of a branch.

The repository is named by the artifact's `definition` reference: a path, or a `file://` URL.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dulwich.errors import NotGitRepository
from dulwich.objects import Commit, Tag
from dulwich.refs import Ref
from dulwich.repo import Repo

from quaymaster.actions.ports import Heads, Version
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan

TAGS = b"refs/tags/"
HEADS = b"refs/heads/"
MOST_BRANCHES = 5000


def versions(artifact: ArtifactPlan, most: int) -> list[Version]:
    """Tags first, then the commits of the artifact's branch, each newest first."""
    with _opened(artifact) as repository:
        found = list(_tags(repository))
        found.sort(key=lambda version: version.created_at or datetime.min.replace(tzinfo=UTC))
        found.reverse()
        if len(found) < most:
            found.extend(_branch_commits(repository, artifact, most - len(found)))
        return found[:most]


def resolved(artifact: ArtifactPlan, version: str) -> Version:
    """The commit behind a full commit id, a tag or a branch name. Raises Invalid."""
    wanted = version.strip().encode()
    with _opened(artifact) as repository:
        for prefix in (TAGS, HEADS, b""):
            name = Ref(prefix + wanted)
            if name in repository.refs.allkeys():
                return _version(repository, repository.refs[name], version, _branch_of(name))
        known = len(wanted) == len(repository.head()) and wanted in repository
        if known and isinstance(repository[wanted], Commit):
            shown = _tag_of(repository, wanted) or wanted[:8].decode()
            return _version(repository, wanted, shown, "")
    raise Invalid(
        f"Version {version!r} of artifact {artifact.alias} is neither a tag, a branch nor a full "
        f"commit id of the repository {_location(artifact)}."
    )


def heads(artifact: ArtifactPlan) -> Heads:
    """The newest commit of every branch. Raises Invalid, also when there are too many branches."""
    with _opened(artifact) as repository:
        names = sorted(name for name in repository.refs.allkeys() if name.startswith(HEADS))
        if len(names) > MOST_BRANCHES:
            raise Invalid(
                f"The repository {_location(artifact)} has {len(names)} branches; at most "
                f"{MOST_BRANCHES} can be watched. Delete those that are merged."
            )
        newest = [_head(repository, Ref(name)) for name in names]
        default = _branch_of(_followed(repository, Ref(b"HEAD")))
        return Heads([version for version in newest if version], default)


def _head(repository: Repo, name: Ref) -> Version | None:
    """None for a branch that points to nothing that is there."""
    try:
        commit = repository.refs[name]
        return _version(repository, commit, commit[:8].decode(), _branch_of(name))
    except KeyError:
        return None


def _opened(artifact: ArtifactPlan) -> Repo:
    location = _location(artifact)
    try:
        return Repo(location)
    except (NotGitRepository, OSError) as error:
        raise Invalid(
            f"Artifact {artifact.alias} names {location}, where there is no git repository that "
            "this server can read. Give the path of one in the artifact's source."
        ) from error


def _location(artifact: ArtifactPlan) -> str:
    named = artifact.reference.get("definition", "")
    parts = urlsplit(named)
    if parts.scheme == "file":
        named = unquote(parts.path)
    elif parts.scheme:
        raise Invalid(
            f"Artifact {artifact.alias} names {parts.scheme}://…; only repositories on this "
            "machine (a path or a file:// URL) can be asked for versions."
        )
    if not Path(named).is_absolute():
        raise Invalid(
            f"Artifact {artifact.alias} needs the absolute path of its repository as the id of "
            f"its source; it has {named!r}."
        )
    return named


def _tags(repository: Repo) -> Iterator[Version]:
    for name in repository.refs.allkeys():
        if name.startswith(TAGS):
            tag = name.removeprefix(TAGS).decode(errors="replace")
            yield _version(repository, repository.refs[name], tag, "")


def _branch_commits(repository: Repo, artifact: ArtifactPlan, most: int) -> Iterator[Version]:
    branch = artifact.reference.get("branches") or artifact.reference.get("defaultVersionBranch")
    name = Ref(HEADS + branch.removeprefix("refs/heads/").encode()) if branch else Ref(b"HEAD")
    if name not in repository.refs:
        return
    head = repository.refs[name]
    full_branch = _branch_of(name) or _branch_of(_followed(repository, name))
    for entry in repository.get_walker(include=[head], max_entries=most):
        yield _version(repository, entry.commit.id, entry.commit.id[:8].decode(), full_branch)


def _followed(repository: Repo, name: Ref) -> Ref:
    chain, _ = repository.refs.follow(name)
    return chain[-1]


def _tag_of(repository: Repo, commit: bytes) -> str:
    for version in _tags(repository):
        if version.id.encode() == commit:
            return version.name
    return ""


def _branch_of(name: Ref) -> str:
    return name.decode(errors="replace") if name.startswith(HEADS) else ""


def _version(repository: Repo, object_id: bytes, name: str, branch: str) -> Version:
    found = repository[object_id]
    while isinstance(found, Tag):
        found = repository[found.object[1]]
    if not isinstance(found, Commit):
        raise Invalid(f"{name} is not a commit.")
    return Version(
        id=found.id.decode(),
        name=name,
        branch=branch,
        commit=found.id.decode(),
        message=found.message.decode(errors="replace").partition("\n")[0],
        created_at=datetime.fromtimestamp(found.commit_time, UTC),
    )
