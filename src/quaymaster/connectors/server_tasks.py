"""Invoke REST API, the server task that asks somebody else's HTTP API (SEMANTICS 20.3)."""

from typing import Any

import msgspec

from quaymaster.actions.ports import (
    ServerTask,
    ServerTaskEnd,
    Unreachable,
    WebAnswer,
    WebClient,
    WebRequest,
)
from quaymaster.domain.expressions import Context, ExpressionError, is_true, parse
from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.variable_expansion import expand
from quaymaster.domain.variables import expand_input
from quaymaster.plans.features import INVOKE_REST_API
from quaymaster.runner.masking import Masker

METHODS = {"OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "PATCH"}
WITHOUT_BODY = {"GET", "HEAD", "TRACE"}
SHOWN_CHARACTERS = 16_000  # of an answer, in the evidence
CONNECTION = ("serviceConnection", "connectedServiceName", "genericService")


class _CannotRun(Exception):
    """The task's inputs ask for what cannot be done; the text says what to change."""


class InvokeRestApi:
    """Runs Invoke REST API; every other task fails with a sentence that names it."""

    def __init__(self, client: WebClient) -> None:
        self._client = client

    async def run(self, task: ServerTask) -> ServerTaskEnd:
        """One request, judged by its status and by the success expression, if there is one."""
        masker = Masker()
        variables = expand(task.variables).variables
        for secret in (*task.variables.secrets(), *variables.secrets()):
            masker.add(secret)
        texts = variables.texts()
        inputs = IgnoreCase({n: expand_input(v, texts) for n, v in task.inputs.items()})
        lines: list[str] = []
        problem = await self._problem(task, inputs, lines)
        shown = tuple(masker.mask("\n".join(lines)).split("\n"))
        return ServerTaskEnd(not problem, masker.mask(problem), shown)

    async def _problem(self, task: ServerTask, inputs: IgnoreCase[str], lines: list[str]) -> str:
        """Why the task failed; empty when it succeeded. Tells what happens in `lines`."""
        try:
            _check(task, inputs)
            request = _request(inputs)
            lines.append(f"{request.method} {request.url}")
            answer = await self._client.ask(request)
            lines.extend(_told(answer))
            return _verdict(inputs, answer, task, lines)
        except (_CannotRun, Unreachable) as error:
            lines.append(str(error))
            return str(error)


def _check(task: ServerTask, inputs: IgnoreCase[str]) -> None:
    if task.task_id.lower() != INVOKE_REST_API:
        raise _CannotRun(
            f"Task {task.name} ({task.task_id}) cannot be run without an agent here; of the tasks "
            "that need none, Invoke REST API, Delay and Manual intervention can."
        )
    if inputs.get("waitForCompletion", "").strip().lower() == "true":
        raise _CannotRun(
            f"Task {task.name} waits for a call-back (waitForCompletion), which cannot be received "
            "yet. Let it judge the answer by a success expression instead."
        )


def _request(inputs: IgnoreCase[str]) -> WebRequest:
    method = inputs.get("method", "").strip().upper() or "POST"
    if method not in METHODS:
        raise _CannotRun(f"Its method is {method[:20]!r}, and must be one of the methods of HTTP.")
    body = "" if method in WITHOUT_BODY else inputs.get("body", "")
    return WebRequest(method, _url(inputs), _headers(inputs), body.encode("utf-8", "replace"))


def _url(inputs: IgnoreCase[str]) -> str:
    """The address of the connection and the suffix, as they stand side by side."""
    base = next((inputs[name].strip() for name in CONNECTION if inputs.get(name)), "")
    if not base.lower().startswith(("http://", "https://")):
        raise _CannotRun(
            f"Its service connection {base!r} is not known here. Put the address itself, "
            "https://…, into serviceConnection; secrets go into headers, as secret variables."
        )
    suffix = inputs.get("urlSuffix", "").strip()
    if not suffix or suffix.startswith("?"):
        return base + suffix
    return f"{base.rstrip('/')}/{suffix.lstrip('/')}"


def _headers(inputs: IgnoreCase[str]) -> dict[str, str]:
    written = inputs.get("headers", "").strip()
    if not written:
        return {"Content-Type": "application/json"}
    try:
        found = msgspec.json.decode(written, type=dict[str, str | int | float | bool | None])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise _CannotRun(f"Its headers are not a JSON object of texts: {error}.") from None
    return {name: "" if value is None else str(value) for name, value in found.items()}


def _told(answer: WebAnswer) -> list[str]:
    """The answer as evidence: redirects, status, and the beginning of the text."""
    text = answer.body.decode("utf-8", "replace")
    more = len(text) - SHOWN_CHARACTERS
    return [
        *(f"Redirected to {place}" for place in answer.redirects),
        f"Status {answer.status}, {len(answer.body)} bytes",
        *text[:SHOWN_CHARACTERS].splitlines(),
        *([f"… and {more} more characters"] if more > 0 else []),
    ]


def _verdict(inputs: IgnoreCase[str], answer: WebAnswer, task: ServerTask, lines: list[str]) -> str:
    if not 200 <= answer.status < 300:
        return f"The answer's status is {answer.status}."
    criteria = inputs.get("successCriteria", "").strip()
    if not criteria:
        return ""
    try:
        context = Context(task.variables.texts(), named={"root": _root(answer)})
        value = parse(criteria, ("root",)).evaluate(context)
    except ExpressionError as error:
        return f"The success expression cannot be evaluated: {error}"
    lines.append(f"Success expression {criteria} is {is_true(value)}")
    return "" if is_true(value) else f"The success expression does not hold: {criteria}"


def _root(answer: WebAnswer) -> Any:
    """The answer as JSON, or the raw text of one that is not JSON."""
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return answer.body.decode("utf-8", "replace")
