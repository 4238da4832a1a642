"""Small servers that speak the published protocols of services that run workflows."""

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from quaymaster.domain.workflows import Method
from tests.sources.counterparts.serving import NOTHING, Reply, Request, answer

SECRET = "s3cr3t-of-the-service"
REFUSED = {
    401: Reply(401, b'{"message": "Bad credentials"}'),
    404: Reply(404, b'{"message": "Not Found"}'),
    422: Reply(422, f'{{"message": "No ref found for {SECRET}"}}'.encode()),
    429: Reply(429, b"{}", {"Retry-After": "7"}),
    502: Reply(502, b"<html>Bad gateway"),
    503: Reply(503, b"{}"),
}


@dataclass
class FarService:
    """What it was asked to begin, the one run and how that stands, and how it misbehaves.

    `loses` begins the run and answers as if something had gone wrong; `says` answers instead of
    beginning anything.
    """

    begun: list[dict[str, Any]] = field(default_factory=list)
    canceled: list[str] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    stands: str = "queued"
    says: Reply | None = None
    loses: bool = False
    hangs: threading.Event | None = None

    kind = ""  # of the deployment method
    target = ""
    connection_type = "Generic"
    secret_key = "apitoken"
    run_id = "7001"
    words: dict[str, str] = field(default_factory=dict)

    def serve(self, request: Request) -> Reply:
        self.asked.append(request)
        if not self.signs_in(request):
            return REFUSED[401]
        return self.reply(request)

    def signs_in(self, request: Request) -> bool:
        return request.headers.get("Authorization", "") == f"Bearer {SECRET}"

    def always(self, _request: Request) -> bool:
        """For one that anybody may ask."""
        return True

    def reply(self, request: Request) -> Reply:
        raise NotImplementedError

    def begins(self, request: Request, good: Reply) -> Reply:
        if self.says:
            return self.says
        self.begun.append(json.loads(request.body))
        if self.hangs:
            self.hangs.wait()
        return REFUSED[502] if self.loses else good

    @property
    def inputs(self) -> dict[str, str]:
        """What the newest run was begun with."""
        found: dict[str, str] = self.begun[-1]["inputs"]
        return found


@dataclass
class FarGitHub(FarService):
    """https://docs.github.com/en/rest/actions/workflows: of newer servers, which name the run."""

    names_runs: bool = True
    knows_details: bool = True
    title: str = ""
    others: int = 0  # runs of the same workflow that somebody else dispatched

    kind, target, connection_type, secret_key = (
        "github_action",
        "deploy.yml",
        "github",
        "AccessToken",
    )
    base = "/api/v3/repos/acme/shop/actions"

    def reply(self, request: Request) -> Reply:
        path = request.path.removeprefix(self.base)
        if path == f"/workflows/{self.target}/dispatches":
            if not self.knows_details and b"return_run_details" in request.body:
                return Reply(422, b'{"message": "\\"return_run_details\\" is not permitted."}')
            good = answer({"workflow_run_id": 7001, "html_url": "https://far.example/7001"})
            named = self.names_runs and self.knows_details
            return self.begins(request, good if named else Reply(204))
        if path == f"/workflows/{self.target}/runs":
            ours = [self._run(7001, self.title)] if self.begun else []
            others = [self._run(9000 + n, "By hand") for n in range(self.others)]
            return answer({"total_count": 1, "workflow_runs": [*others, *ours]})
        if path == "/runs/7001":
            return answer(self._run(7001, self.title))
        if path == "/runs/7001/cancel":
            self.canceled.append("7001")
            return Reply(202, b"{}")
        return NOTHING

    def _run(self, number: int, title: str) -> dict[str, Any]:
        words = {
            "queued": ("queued", None),
            "runs": ("in_progress", None),
            "good": ("completed", "success"),
            "bad": ("completed", "failure"),
            "stopped": ("completed", "cancelled"),
            "odd": ("completed", "odd\0"),
        }
        status, conclusion = words[self.stands]
        said = title.format(**self.inputs) if self.begun else ""
        page = f"https://far.example/{number}"
        return {
            "id": number,
            "display_title": said,
            "status": status,
            "conclusion": conclusion,
            "html_url": page,
        }


@dataclass
class FarBuildkite(FarService):
    """https://buildkite.com/docs/apis/rest-api/builds."""

    kind, target = "buildkite", "acme/deploy"
    base = "/v2/organizations/acme/pipelines/deploy/builds"

    def reply(self, request: Request) -> Reply:
        path = request.path.removeprefix(self.base)
        if path == "" and request.method == "POST":
            return self.begins(request, Reply(201, json.dumps(self._build()).encode()))
        if path == "":
            key = request.query["meta_data[quaymaster-key]"]
            known = [one["meta_data"]["quaymaster-key"] for one in self.begun]
            return answer([self._build()] if key in known else [])
        if path == "/7001":
            return answer(self._build())
        if path == "/7001/cancel" and request.method == "PUT":
            self.canceled.append("7001")
            return answer(self._build())
        return NOTHING

    def _build(self) -> dict[str, Any]:
        words = {"queued": "scheduled", "runs": "running", "good": "passed", "bad": "failed"}
        page = "https://far.example/7001"
        state = words.get(self.stands, "canceled")
        return {"id": "0190-77", "number": 7001, "state": state, "web_url": page}

    @property
    def inputs(self) -> dict[str, str]:
        return {key.lower(): value for key, value in self.begun[-1]["env"].items()}


@dataclass
class FarGitLab(FarService):
    """https://docs.gitlab.com/api/pipelines."""

    kind, target = "gitlab", "acme/shop"
    base = "/api/v4/projects/acme/shop"

    def signs_in(self, request: Request) -> bool:
        return request.headers.get("PRIVATE-TOKEN", "") == SECRET

    def reply(self, request: Request) -> Reply:
        path = request.path.removeprefix(self.base)
        if path == "/pipeline" and request.method == "POST":
            return self.begins(request, Reply(201, json.dumps(self._pipeline()).encode()))
        if path == "/pipelines":
            return answer([self._pipeline()] if self.begun else [])
        if path == "/pipelines/7001/variables":
            return answer(self.begun[-1]["variables"])
        if path == "/pipelines/7001":
            return answer(self._pipeline())
        if path == "/pipelines/7001/cancel" and request.method == "POST":
            self.canceled.append("7001")
            return answer(self._pipeline())
        return NOTHING

    def _pipeline(self) -> dict[str, Any]:
        words = {"queued": "pending", "runs": "running", "good": "success", "bad": "failed"}
        state = words.get(self.stands, "canceled")
        return {"id": 7001, "status": state, "web_url": "https://far.example/7001"}

    @property
    def inputs(self) -> dict[str, str]:
        listed = self.begun[-1]["variables"]
        return {one["key"].lower(): one["value"] for one in listed}


@dataclass
class FarWebhook(FarService):
    """Anybody who takes a POST and calls back."""

    kind = "webhook"

    def reply(self, request: Request) -> Reply:
        if request.method == "GET":
            return Reply(200)  # such as a page that people may look at
        if json.loads(request.body).get("cancel"):
            self.canceled.append("7001")
            return Reply(202)
        return self.begins(request, Reply(202))


KINDS = (FarGitHub, FarBuildkite, FarGitLab)
EVERY_KIND = (*KINDS, FarWebhook)
METHODS = {
    "github_action": Method.GITHUB_ACTIONS,
    "buildkite": Method.BUILDKITE,
    "gitlab": Method.GITLAB,
    "webhook": Method.WEBHOOK,
}
