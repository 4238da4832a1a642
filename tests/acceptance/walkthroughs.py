"""Plays the shared walkthroughs against a running product, as nothing but HTTP."""

import copy
import json
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.acceptance.matching import MISSING, at, differences, filled, put, shown
from tests.vectors import shared_folder

FILE = shared_folder() / "contract" / "walkthroughs.json"
ORGANIZATION = ("/fabrikam/", "/default/")  # what the file calls it, and what it is called here
PAUSE_SECONDS = 0.1

# Seconds for steps that may be refused at first: what the step before started is being deployed,
# and a release cannot be abandoned while a job of it runs (SEMANTICS 6.3).
PATIENCE = {"L30.T2.6": 60, "L22.T2.6": 60, "M71.T2.6": 60}


def profiles() -> dict[str, list[dict[str, Any]]]:
    """The walkthroughs that belong together, in order: `L30` has `L30.T1` to `L30.T4`."""
    found: dict[str, list[dict[str, Any]]] = {}
    if FILE.exists():
        for walkthrough in json.loads(FILE.read_text("utf-8"))["walkthroughs"]:
            found.setdefault(walkthrough["id"].partition(".")[0], []).append(walkthrough)
    return found


@dataclass(frozen=True, slots=True)
class Player:
    """Whoever goes through the walkthroughs: an address, everybody's token, what was saved."""

    url: str
    tokens: Mapping[str, str]
    saved: dict[str, Any] = field(default_factory=dict)
    client: httpx.Client = field(default_factory=httpx.Client)

    def play(self, walkthrough: dict[str, Any]) -> dict[str, str]:
        """What went wrong in each step, by `L30.T1.3`; "" for one that went as it should."""
        name = walkthrough["id"]
        return {f"{name}.{step['n']}": self._step(name, step) for step in walkthrough["steps"]}

    def _step(self, name: str, step: dict[str, Any]) -> str:
        try:
            return self._played(name, step)
        except KeyError as lacking:
            return f"{name} step {step['n']} needs {lacking}, which a step before did not give"

    def _played(self, name: str, step: dict[str, Any]) -> str:
        path = filled(step["path"], self.saved)
        body = self._body(step, path)
        usual = step.get("poll", {}).get("timeout_s", 0)
        patience = PATIENCE.get(f"{name}.{step['n']}", usual)
        deadline = time.monotonic() + patience
        while True:
            answer = self.ask(step["method"], path, body, step.get("as", "chuck"))
            problems = self._problems(step["expect"], answer)
            if not problems or time.monotonic() >= deadline:
                break
            time.sleep(PAUSE_SECONDS)
        self._save(step, answer)
        return _report(name, step, path, body, answer, problems) if problems else ""

    def ask(self, method: str, path: str, body: Any, user: str) -> httpx.Response:
        """One request as somebody; the file's organization is the one that is here."""
        here = path.replace(*ORGANIZATION, 1) if path.startswith(ORGANIZATION[0]) else path
        basic = b64encode(f":{self.tokens[user]}".encode()).decode()
        return self.client.request(
            method,
            self.url + here,
            headers={"Authorization": f"Basic {basic}"},
            timeout=30,
            **({} if body is None else {"json": body}),
        )

    def _body(self, step: dict[str, Any], path: str) -> Any:
        body = step.get("body")
        if not isinstance(body, dict) or not body.keys() & {"merge_into", "merge_into_get"}:
            return filled(body, self.saved)
        if "merge_into" in body:
            base = copy.deepcopy(filled(body["merge_into"], self.saved))
        else:
            area, _, rest = path.partition("/_apis/release")
            version = rest.partition("?")[2]
            where = f"{area}/_apis/release{filled(body['merge_into_get'], self.saved)}?{version}"
            base = self.ask("GET", where, None, "chuck").json()
        for place, value in filled(body["set"], self.saved).items():
            put(base, place, value)
        return base

    def _problems(self, expect: dict[str, Any], answer: httpx.Response) -> list[str]:
        statuses = expect["status"] if isinstance(expect["status"], list) else [expect["status"]]
        problems = []
        if answer.status_code not in statuses:
            problems.append(f"status: expected {expect['status']}, got {answer.status_code}")
        for name, value in expect.get("headers", {}).items():
            got = answer.headers.get(name, "")
            is_so = got.startswith(value[:-1]) if value.endswith("*") else got == value
            if not is_so:
                problems.append(f"header {name}: expected {value}, got {got}")
        body = _json(answer)
        if "match" in expect:
            problems += differences(filled(expect["match"], self.saved), body, self.saved)
        problems += [
            f"{path}: expected nothing there"
            for path in expect.get("absent", ())
            if at(body, path) is not MISSING
        ]
        return problems

    def _save(self, step: dict[str, Any], answer: httpx.Response) -> None:
        body = _json(answer)
        for name, path in step.get("save", {}).items():
            kind, _, header = path.partition(":")
            found = answer.headers.get(header, MISSING) if kind == "header" else at(body, path)
            if found is not MISSING:
                self.saved[name] = found


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _report(
    name: str,
    step: dict[str, Any],
    path: str,
    body: Any,
    answer: httpx.Response,
    problems: list[str],
) -> str:
    lines = [
        f"{name} step {step['n']} ({step['what']}, {step['basis']})",
        f"  asked: {step['method']} {path}",
        *([f"  body: {shown(body)}"] if body is not None else []),
        *(f"  {problem}" for problem in problems),
        f"  answered: {answer.status_code} {answer.text[:600]}",
    ]
    return "\n".join(lines)
