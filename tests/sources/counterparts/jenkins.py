"""Jenkins: the JSON of its Remote Access API, whose `tree` names the fields."""

from tests.sources.counterparts.serving import NOTHING, Counterpart, Reply, Request, answer, digest

FILES = {"target/shop.war": b"war" * 1000, "docs/a b.txt": b"text"}


def _build(number: int, result: str | None, branch: str = "main") -> dict[str, object]:
    revision = {"SHA1": f"{number:040}", "branch": [{"name": f"refs/remotes/origin/{branch}"}]}
    return {
        "number": number,
        "displayName": f"#{number}",
        "result": result,
        "building": result is None,
        "timestamp": 1767225600000 + number,
        "changeSets": [{"items": [{"commitId": f"{number}{n}", "msg": "x"} for n in "ab"]}],
        "actions": [{}, {"lastBuiltRevision": revision}],
    }


BUILDS = [
    _build(14, None),
    _build(13, "SUCCESS"),
    _build(12, "FAILURE"),
    _build(11, "UNSTABLE", "topic"),
    _build(10, "SUCCESS"),
]


def serve(request: Request) -> Reply:
    if not request.signs_in:
        return Reply(401, b"<html>Sign in</html>")
    path = request.path.removeprefix("/ci/job/team/job/shop")
    if path == "/api/json" and request.query["tree"].startswith("builds["):
        return answer({"builds": BUILDS})
    if path.startswith("/10/artifact/"):
        content = FILES.get(path.removeprefix("/10/artifact/"))
        return NOTHING if content is None else Reply(200, content)
    for build in BUILDS:
        if path == f"/{build['number']}/api/json":
            prints = [
                {"fileName": name.rpartition("/")[2], "hash": digest("md5", content)}
                for name, content in FILES.items()
            ]
            artifacts = [{"relativePath": name} for name in FILES]
            return answer({**build, "artifacts": artifacts, "fingerprint": prints})
    return NOTHING


JENKINS = Counterpart(
    "Jenkins",
    serve,
    {"definition": "team/shop"},
    versions=["13", "11", "10"],
    of="10",
    files=FILES,
    path="/ci",
    between=("11", "13", ["13b", "13a", "12b", "12a"]),
    on_branch=({"defaultVersionBranch": "topic"}, ["11"]),
)
