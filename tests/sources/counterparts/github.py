"""GitHub Enterprise: https://docs.github.com/en/rest, the parts about commits and releases."""

from tests.sources.counterparts.serving import (
    NOTHING,
    Counterpart,
    Reply,
    Request,
    answer,
    digest,
)

COMMITS = {"main": ["c" * 40, "b" * 40, "a" * 40], "topic": ["d" * 40]}
ASSETS = {"site.zip": b"zip of the site", "notes.txt": b"what is new"}


def _commit(sha: str) -> dict[str, object]:
    date = f"2026-01-0{'abcd'.index(sha[0]) + 1}T00:00:00Z"
    return {"sha": sha, "commit": {"message": f"Add {sha[0]}\n\nmore", "committer": {"date": date}}}


COMPARED = [{"sha": f"{n:040}", "commit": {"message": f"Change {n}"}} for n in range(300)]


def repository(request: Request) -> Reply:
    if not request.signs_in:
        return Reply(401, b'{"message": "Bad credentials"}')
    path = request.path.removeprefix("/api/v3/repos/acme/shop")
    if path == "":
        return answer({"default_branch": "main"})
    if path == "/commits":
        found = COMMITS.get(request.query["sha"], [])
        return answer([_commit(sha) for sha in found][: int(request.query["per_page"])])
    if path == "/tags":
        return answer([{"name": "v2", "commit": {"sha": "b" * 40}}])
    if path.startswith("/compare/"):
        listed = COMPARED[(int(request.query["page"]) - 1) * 100 :][:100]
        return answer({"total_commits": 300, "commits": listed})
    if path.startswith("/commits/"):
        named = {"v2": "b" * 40, "main": "c" * 40}.get(path[9:], path[9:])
        known = any(named in found for found in COMMITS.values())
        return answer(_commit(named)) if known else Reply(422, b'{"message": "No commit found"}')
    return NOTHING


def _release(number: int, **more: object) -> dict[str, object]:
    return {
        "id": number,
        "tag_name": f"v{number}",
        "name": f"Shop {number}",
        "target_commitish": "main",
        "draft": False,
        "prerelease": False,
        "body": "Notes",
        "published_at": f"2026-01-0{number}T00:00:00Z",
        **more,
    }


def releases(request: Request) -> Reply:
    if not request.signs_in:
        return Reply(401)
    path = request.path.removeprefix("/api/v3/repos/acme/shop/releases")
    known = [_release(4, draft=True), _release(3), _release(2), _release(1)]
    if path == "":
        return answer(known if request.query["page"] == "1" else [])
    if path.startswith("/tags/"):
        return next((answer(one) for one in known if one["tag_name"] == path[6:]), NOTHING)
    if path == "/2/assets":
        listed = [
            {
                "id": number,
                "name": name,
                "size": len(content),
                "state": "uploaded",
                "digest": f"sha256:{digest('sha256', content)}",
            }
            for number, (name, content) in enumerate(ASSETS.items(), 70)
        ]
        return answer(listed if request.query["page"] == "1" else [])
    if path.startswith("/assets/"):
        content = list(ASSETS.values())[int(path[8:]) - 70]
        asked = request.headers["Accept"] == "application/octet-stream"
        return Reply(200, content) if asked else answer({})
    return next((answer(one) for one in known if path == f"/{one['id']}"), NOTHING)


REPOSITORY = Counterpart(
    "GitHub",
    repository,
    {"definition": "acme/shop"},
    versions=COMMITS["main"],
    of="b" * 40,
    scheme="Token",
    on_branch=({"branch": "topic"}, COMMITS["topic"]),
    downloads=False,
    between=("a" * 40, "c" * 40, [one["sha"] for one in COMPARED[::-1]]),
)
RELEASES = Counterpart(
    "GitHubRelease",
    releases,
    {"definition": "acme/shop"},
    versions=["3", "2", "1"],
    of="2",
    files=ASSETS,
    scheme="Token",
    on_branch=({"defaultVersionTags": "v1"}, ["1"]),
)
