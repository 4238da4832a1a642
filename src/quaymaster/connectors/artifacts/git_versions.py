"""Versions of a git repository that lies on this machine: its tags and the commits of a branch."""

from collections.abc import Iterator
from datetime import UTC, datetime

from dulwich.objects import Commit, Tag
from dulwich.refs import Ref
from dulwich.repo import Repo

from quaymaster.actions.ports.outside import Heads, Version
from quaymaster.connectors.repository_reading import has
from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import ArtifactPlan
from quaymaster.runner.repositories.addresses import address

FROM_BRANCH = "latestfrombranchtype"
TAGS = b"refs/tags/"
HEADS = b"refs/heads/"
MOST_BRANCHES = 5000


def versions(repository: Repo, artifact: ArtifactPlan, most: int) -> list[Version]:
    """Tags first, then the commits of the artifact's branch, each newest first."""
    found: list[Version] = []
    if artifact.default_version_type.casefold() != FROM_BRANCH:
        found.extend(_tags(repository))
        found.sort(key=lambda version: version.created_at or datetime.min.replace(tzinfo=UTC))
        found.reverse()
    if len(found) < most:
        found.extend(_branch_commits(repository, artifact, most - len(found)))
    return found[:most]


def resolved(repository: Repo, artifact: ArtifactPlan, version: str, shown: str) -> Version:
    """The commit behind a full commit id, a tag or a branch name. Raises Invalid."""
    wanted = version.strip().encode()
    for prefix in (TAGS, HEADS, b""):
        name = Ref(prefix + wanted)
        if name in repository.refs.allkeys():
            return _version(repository, repository.refs[name], version, _branch_of(name))
    if has(repository, version.strip()) and isinstance(repository[wanted], Commit):
        tag = _tag_of(repository, wanted) or wanted[:8].decode()
        return _version(repository, wanted, tag, "")
    raise Invalid(
        f"Version {version!r} of artifact {artifact.alias} is neither a tag, a branch nor a full "
        f"commit id of the repository {address(shown).shown}."
    )


def heads(repository: Repo, shown: str) -> Heads:
    """The newest commit of every branch. Raises Invalid, also when there are too many branches."""
    names = sorted(name for name in repository.refs.allkeys() if name.startswith(HEADS))
    if len(names) > MOST_BRANCHES:
        raise Invalid(
            f"The repository {address(shown).shown} has {len(names)} branches; at most "
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
