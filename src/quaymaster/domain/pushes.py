"""What repositories tell of: pushes to branches and tags, and pull requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit
from uuid import UUID

from quaymaster.domain.plan import ArtifactPlan

REPOSITORY_TYPES = ("git", "github", "tfsgit")
GITHUB = "https://github.com"
_ADDRESS_KEYS = ("url", "path", "repository.url", "artifactSourceDefinitionUrl")


class PushKind(StrEnum):
    PUSH = "push"
    PULL_REQUEST = "pullRequest"
    COMPLETION = "buildCompletion"  # no push, but answered like one: `number` is the build's


@dataclass(frozen=True, slots=True)
class Push:
    """A ref of a repository points to another commit; or a pull request has one to be merged.

    `repositories` are all names that the repository goes by (`repository_key`). For a pull request
    `ref` is its merge ref, `head` the newest commit that wants to be merged, and `target` the
    branch that it wants to be merged into. `paths` None: what changed is not told. `by` is the
    pusher's name. `is_fork`: the pull request comes from somebody else's copy.
    """

    repositories: tuple[str, ...]
    ref: str
    commit: str
    before: str = ""
    kind: PushKind = PushKind.PUSH
    target: str = ""
    number: int = 0
    paths: tuple[str, ...] | None = None
    by: str = ""
    message: str = ""
    default_branch: str = ""
    head: str = ""
    is_fork: bool = False

    @property
    def is_removal(self) -> bool:
        """The ref was deleted: there is nothing to build."""
        return not self.commit.strip("0")


def repository_key(text: str) -> str:
    """One name for a repository however it is addressed: `host/path` without user, port, scheme,
    case and `.git`, or the path on this machine; "" for a text that names none."""
    text = text.strip()
    if "://" not in text and ":" in text.partition("/")[0]:
        host, _, path = text.rpartition("@")[2].partition(":")
        text = f"ssh://{host}/{path}"
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").casefold()
    except ValueError:
        return ""
    path = unquote(parts.path).rstrip("/").removesuffix(".git")
    if parts.scheme == "file" or not parts.scheme:
        return path if path.startswith("/") else ""
    return f"{host}/{path.strip('/').casefold()}" if host and path.strip("/") else ""


def id_key(text: str) -> str:
    """The same for a repository that is known by a GUID, as those of Azure Repos are."""
    try:
        return f"id:{UUID(text.strip())}"
    except ValueError:
        return ""


def named_key(kind: str, name: str, server: str = GITHUB) -> str:
    """The same for a repository that is known as owner/name at a server such as GitHub."""
    return repository_key(github_address(name, server) if is_at_github(kind, name) else name)


def is_at_github(kind: str, name: str) -> bool:
    """Whether a repository of this type is known as owner/name at a server of GitHub's."""
    is_short = name.count("/") == 1 and "://" not in name and not name.startswith("/")
    return is_short and kind.casefold().startswith("github")


def github_address(name: str, server: str = "") -> str:
    """Where git finds owner/name at a server of GitHub's, whose address may be that of its API."""
    parts = urlsplit(server or GITHUB)
    host = parts.netloc.rpartition("@")[2].removeprefix("api.").removeprefix("www.")
    path = f"{parts.path}/".partition("/api/")[0].rstrip("/")
    return f"{parts.scheme or 'https'}://{host}{path}/{name}"


def told_address(reference: Mapping[str, str]) -> str:
    """The address that the reference of an artifact tells of its repository; "" without one."""
    return next((reference[key] for key in _ADDRESS_KEYS if reference.get(key)), "")


def artifact_repository(artifact: ArtifactPlan) -> str:
    """The key of the repository that an artifact is; "" for one of another kind."""
    if artifact.type.casefold() not in REPOSITORY_TYPES:
        return ""
    reference = artifact.reference
    named = told_address(reference)
    name = reference.get("definition", "")
    return repository_key(named) or named_key(artifact.type, name) or id_key(name)
