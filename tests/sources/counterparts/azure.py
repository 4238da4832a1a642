"""Azure DevOps Server: builds with their artifacts, and changesets with their items."""

import base64
import hashlib

from tests.sources.counterparts.serving import (
    NOTHING,
    Counterpart,
    Reply,
    Request,
    answer,
    zipped,
)

DROP = {"drop/web/index.html": b"<h1>shop</h1>", "drop/run.sh": b"echo"}
LOGS = {"logs/build.log": b"built"}


def _build(number: int, branch: str, tags: list[str]) -> dict[str, object]:
    return {
        "id": number,
        "buildNumber": f"2026.{number}",
        "sourceBranch": branch,
        "sourceVersion": f"{number:040}",
        "uri": f"vstfs:///Build/Build/{number}",
        "finishTime": "2026-01-01T00:00:00Z",
        "requestedFor": {"id": "u1", "displayName": "Ann"},
        "repository": {"type": "TfsGit", "name": "shop"},
        "tags": tags,
    }


BUILDS = [
    _build(9, "refs/heads/main", []),
    _build(8, "refs/heads/topic", ["good", "signed"]),
    _build(7, "refs/heads/main", ["good"]),
]


def builds(request: Request) -> Reply:
    if not request.signs_in:
        return Reply(401, b"<html>Sign in</html>")
    path, query = request.path.removeprefix("/tfs/Main/Shop/_apis/build"), request.query
    if path == "/definitions":
        found = [{"id": 3, "name": "Shop CI"}] if query["name"] == "Shop CI" else []
        return answer({"count": len(found), "value": found})
    if path == "/definitions/3":
        return answer({"id": 3, "repository": {"defaultBranch": "refs/heads/main"}})
    if path == "/definitions/4":
        return answer({"id": 4, "repository": {"type": "TfsVersionControl"}})
    if path == "/builds":
        good = query["resultFilter"] == "succeeded,partiallySucceeded"
        if not good or query["statusFilter"] != "completed" or query["definitions"] != "3":
            return NOTHING
        wanted = set(query.get("tagFilters", "").split(",")) - {""}
        branch = query.get("branchName", "")
        found = [
            one
            for one in BUILDS
            if branch in ("", one["sourceBranch"]) and wanted <= set(one["tags"])  # type: ignore[call-overload]
        ]
        return answer({"value": found[: int(query["$top"])]})
    if path == "/changes" and (query["fromBuildId"], query["toBuildId"]) == ("7", "9"):
        return answer({"value": [{"id": f"{n:040}", "message": "x"} for n in (9, 8)]})
    if path == "/builds/7/artifacts":
        listed = [
            {
                "name": name,
                "resource": {"type": "Container", "downloadUrl": f"{request.url}/{name}"},
            }
            for name in ("drop", "logs")
        ]
        return answer({"count": 2, "value": listed})
    if request.path in ("/drop", "/logs") and query.get("format") == "zip":
        return Reply(200, zipped(DROP if request.path == "/drop" else LOGS))
    return next((answer(one) for one in BUILDS if path == f"/builds/{one['id']}"), NOTHING)


ITEMS = {"web/index.html": b"<h1>shop</h1>", "read me.txt": b"read"}


def _changeset(number: int) -> dict[str, object]:
    return {
        "changesetId": number,
        "comment": f"Change {number}",
        "createdDate": "2026-01-01T00:00:00Z",
    }


def changesets(request: Request) -> Reply:
    if not request.signs_in:
        return Reply(401)
    path, query = request.path.removeprefix("/tfs/Main/Shop/_apis/tfvc"), request.query
    if path == "/changesets":
        assert query["searchCriteria.itemPath"] == "$/Shop/Main"
        first = int(query.get("searchCriteria.fromId", 0))
        last = int(query.get("searchCriteria.toId", 99))
        found = [_changeset(one) for one in (31, 22, 13) if first <= one <= last]
        return answer({"value": found[: int(query["$top"])]})
    if path in ("/changesets/31", "/changesets/22", "/changesets/13"):
        return answer(_changeset(int(path[12:])))
    if path == "/items" and query["versionDescriptor.version"] == "22":
        if "path" in query:
            content = ITEMS.get(query["path"].removeprefix("$/Shop/Main/"))
            return NOTHING if content is None else Reply(200, content)
        listed: list[dict[str, object]] = [{"path": "$/Shop/Main", "isFolder": True}]
        listed += [
            {
                "path": f"$/Shop/Main/{name}",
                "size": len(content),
                "hashValue": base64.b64encode(hashlib.md5(content).digest()).decode(),
            }
            for name, content in ITEMS.items()
        ]
        return answer({"value": listed})
    return NOTHING


EXTERNAL_BUILDS = Counterpart(
    "ExternalTFSBuild",
    builds,
    {"project": "Shop", "definition": "Shop CI"},
    versions=["9", "8", "7"],
    of="7",
    files={**DROP, **LOGS},
    path="/tfs/Main",
    sums_up=False,
    between=("7", "9", [f"{n:040}" for n in (9, 8)]),
    on_branch=({"defaultVersionBranch": "topic", "defaultVersionTags": "good,signed"}, ["8"]),
)
CHANGESETS = Counterpart(
    "TFVC",
    changesets,
    {"project": "Shop", "definition": "$/Shop/Main"},
    versions=["31", "22", "13"],
    of="22",
    between=("13", "31", ["31", "22"]),
    files=ITEMS,
    path="/tfs/Main",
)
