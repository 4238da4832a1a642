"""Builds of a Jenkins job and the files that they archived."""

from typing import Any
from urllib.parse import quote

from quaymaster.domain.numbers import digits
from quaymaster.outgoing.requests import WebClient
from quaymaster.sources.asking import (
    Asked,
    Questions,
    SourceProblem,
    authorization,
    inside,
    objects,
    text_in,
)
from quaymaster.sources.moments import moment
from quaymaster.sources.versions import Checksum, Commit, RemoteFile, Version

_BUILD = (
    "number,displayName,result,timestamp,building,actions[lastBuiltRevision[SHA1,branch[name]]]"
)
_FILES = "artifacts[relativePath],fingerprint[fileName,hash]"
_ITEMS = "items[commitId,msg,timestamp,author[fullName]]"
GOOD = ("SUCCESS", "UNSTABLE")
LOOKED_AT = 200  # builds looked at for each page of versions


class Jenkins:
    """Artifacts of the type Jenkins: a version is a completed build that did not fail (4.2)."""

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        """The newest good builds, of the artifact's branch where it names one."""
        job, questions = _job(client, asked)
        tree = f"builds[{_BUILD}]{{0,{max(LOOKED_AT, most)}}}"
        listed = await questions.json(f"{job}/api/json", {"tree": tree})
        wanted = asked.branch.removeprefix("refs/heads/")
        found = [
            _build(one)
            for one in objects(inside(listed, "builds"))
            if not one.get("building") and one.get("result") in GOOD
        ]
        return [one for one in found if not wanted or _is_of(one, wanted)][:most]

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        """The build with this number or display name (`#7`)."""
        return _build(await _found(client, asked, version, _BUILD))

    async def changes(
        self, client: WebClient, asked: Asked, older: str, newer: str, most: int
    ) -> list[Commit]:
        """What Jenkins found changed in each build after one and up to another."""
        job, questions = _job(client, asked)
        last = _whole(asked, newer)
        first = _whole(asked, older) + 1 if older else last
        tree = f"builds[number,changeSets[{_ITEMS}]]{{0,{LOOKED_AT + last - first}}}"
        listed = await questions.json(f"{job}/api/json", {"tree": tree})
        found: dict[str, Commit] = {}
        for build in objects(inside(listed, "builds")):
            number = inside(build, "number")
            if isinstance(number, int) and first <= number <= last:
                for one in _items(build):
                    found.setdefault(one.id, one)
        return list(found.values())[:most]

    async def files(self, client: WebClient, asked: Asked, version: str) -> list[RemoteFile]:
        """What the build archived, with the MD5 of the files that it fingerprinted."""
        job, questions = _job(client, asked)
        build = await _found(client, asked, version, f"number,{_FILES}")
        known = {
            text_in(one, "fileName"): text_in(one, "hash")
            for one in objects(inside(build, "fingerprint"))
        }
        paths = [text_in(one, "relativePath") for one in objects(inside(build, "artifacts"))]
        return [
            RemoteFile(
                url=f"{job}/{text_in(build, 'number')}/artifact/{quote(path)}",
                path=path,
                checksum=_checksum(known, path, paths),
                headers=questions.headers,
            )
            for path in paths
            if path
        ]


def _job(client: WebClient, asked: Asked) -> tuple[str, Questions]:
    """The address of the job that the artifact names; folders are separated by `/`."""
    name = asked.required("job", "definition").strip("/")
    names = [part for part in name.split("/") if part]
    if len(names) > 1 and set(names[::2]) == {"job"}:  # as it stands in Jenkins' own addresses
        names = names[1::2]
    path = "".join(f"/job/{quote(part, safe='')}" for part in names)
    server = asked.server()
    questions = Questions(client, asked.alias, authorization(asked.connection), server)
    return server + path, questions


async def _found(client: WebClient, asked: Asked, version: str, tree: str) -> Any:
    job, questions = _job(client, asked)
    number = version.lstrip("#")
    url = f"{job}/{number}/api/json"
    answer = (
        await questions.raw(url, {"tree": tree}) if number.isascii() and number.isdigit() else None
    )
    if answer is None or answer.status == 404:
        raise SourceProblem(
            f"Version {version!r} of artifact {asked.alias} is not the number of a build that the "
            f"Jenkins job {asked.text('definition')} still has."
        )
    if answer.status != 200:
        raise questions.refused(answer, url)
    return questions.read(answer, url)


def _items(build: Any) -> list[Commit]:
    """The changes of a build, newest first as Jenkins has the oldest first."""
    listed = [
        item
        for entry in objects(inside(build, "changeSets"))
        for item in objects(inside(entry, "items"))
    ]
    return [
        Commit(
            id=text_in(item, "commitId"),
            message=text_in(item, "msg"),
            author_name=text_in(item, "author", "fullName"),
            authored_at=moment(inside(item, "timestamp")),
            at=moment(inside(item, "timestamp")),
        )
        for item in listed[::-1]
    ]


def _whole(asked: Asked, version: str) -> int:
    number = digits(version.lstrip("#"))
    if number is not None:
        return number
    raise SourceProblem(f"Version {version!r} of artifact {asked.alias} is not a build's number.")


def _build(found: Any) -> Version:
    number = text_in(found, "number")
    branch, commit = _revision(found)
    return Version(
        id=number,
        name=text_in(found, "displayName") or f"#{number}",
        branch=branch,
        commit=commit,
        created_at=moment(inside(found, "timestamp")),
    )


def _revision(found: Any) -> tuple[str, str]:
    """Branch and commit of a build whose sources came from git."""
    for action in objects(inside(found, "actions")):
        revision = action.get("lastBuiltRevision")
        if commit := text_in(revision, "SHA1"):
            named = next((text_in(one, "name") for one in objects(inside(revision, "branch"))), "")
            named = named.removeprefix("refs/remotes/").removeprefix("origin/")
            return (
                named if not named or named.startswith("refs/") else f"refs/heads/{named}"
            ), commit
    return "", ""


def _is_of(version: Version, branch: str) -> bool:
    return version.branch.removeprefix("refs/heads/") == branch


def _checksum(known: dict[str, str], path: str, paths: list[str]) -> Checksum | None:
    """Fingerprints name files without their folders: only a name that is unique tells which."""
    name = path.rpartition("/")[2]
    twice = sum(other.rpartition("/")[2] == name for other in paths) > 1
    return Checksum("md5", known[name]) if name in known and not twice else None
