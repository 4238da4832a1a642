"""Where services that were asked report (the distributedtask area's plan events, SEMANTICS 20.3).

Nobody signs in here: the token of the job or gate says what may be reported, and nothing else.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from litestar import Response, patch, post
from litestar.params import FromPath

from quaymaster.actions.deployments.gates import call_backs
from quaymaster.actions.deployments.gates.call_back_outputs import Output
from quaymaster.actions.deployments.gates.call_backs import Reporter, TokenEnded
from quaymaster.apis.azure.asked import AzureRequest, array_in, nothing, object_in, text_in
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.values import date_out, number_in
from quaymaster.apis.shared import credentials, json_reading
from quaymaster.apis.shared.refusals import NotSignedIn
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.statuses import JobStatus

PLAN = "/distributedtask/hubs/{hub:str}/plans/{plan_id:str}"
RECORDS = PLAN + "/timelines/{timeline_id:str}/records"
RELEASE_HUB, BUILD_HUB = "release", "build"
MOST_LINES = 10_000
LONGEST_LINE = 64 * 1024
MOST_OUTPUTS = 200
LONGEST_NAME = 256
COMPLETED = "taskcompleted"
BEGUN = {"taskassigned", "taskstarted"}

# The published TaskResult by its name in lower case and by its number.
RESULTS = {
    "succeeded": JobStatus.SUCCEEDED,
    "succeededwithissues": JobStatus.WITH_ISSUES,
    "failed": JobStatus.FAILED,
    "canceled": JobStatus.FAILED,
    "skipped": JobStatus.SUCCEEDED,
    "abandoned": JobStatus.FAILED,
}

BY_NUMBER = dict(enumerate(RESULTS))
ENDED = "The token is not that of a job that waits for a report: its job is over, or never was."


@post(PLAN + "/events", opt=needs(Scope.PUBLIC), status_code=204)
async def raise_event(
    request: AzureRequest, hub: FromPath[str], plan_id: FromPath[str]
) -> Response[None]:
    """Report that a task was assigned, has started or is completed."""
    told = await _reporter(request, hub, plan_id)
    body = await request.properties(
        "event", ("name", "jobId", "taskId", "result", "outputVariables")
    )
    name = text_in(body.get("name"), "name").lower()
    _check_ids(told, body)
    if name == COMPLETED:
        await _ended_is_401(call_backs.complete(told, _result(body.get("result")), _outputs(body)))
    elif name in BEGUN:
        await _ended_is_401(call_backs.progress(told, None, None))
    else:
        raise _wrong("name must be TaskAssigned, TaskStarted or TaskCompleted.")
    return nothing()


@post(PLAN + "/logs", opt=needs(Scope.PUBLIC), status_code=200)
async def create_log(
    request: AzureRequest, hub: FromPath[str], plan_id: FromPath[str]
) -> Response[bytes]:
    """The log of the task, which is there already."""
    told = await _reporter(request, hub, plan_id)
    return request.answer("taskLog", _log(told))


@post(PLAN + "/logs/{log_id:str}", opt=needs(Scope.PUBLIC), status_code=200)
async def append_log(
    request: AzureRequest, hub: FromPath[str], plan_id: FromPath[str], log_id: FromPath[str]
) -> Response[bytes]:
    """Add lines to the log of the task; the body is text."""
    told = await _reporter(request, hub, plan_id)
    _check_is(str(number_in(log_id, "logId", lowest=1)), str(_log_id(told)), "log")
    text = (await request.body()).decode("utf-8", "replace")
    await _ended_is_401(call_backs.say(told, _lines(text.splitlines())))
    return request.answer("taskLog", _log(told))


@post(RECORDS + "/{record_id:str}/feed", opt=needs(Scope.PUBLIC), status_code=204)
async def append_feed(
    request: AzureRequest,
    hub: FromPath[str],
    plan_id: FromPath[str],
    timeline_id: FromPath[str],
    record_id: FromPath[str],
) -> Response[None]:
    """Add lines to the log of the task, as they are shown while it runs."""
    told = await _reporter(request, hub, plan_id)
    _check_is(timeline_id, str(told.about.plan_id), "timeline")
    _check_record(told, record_id)
    body = await request.properties("feed", ("value", "count"))
    given = [text_in(line, "value", longest=LONGEST_LINE) for line in _values(body)]
    await _ended_is_401(call_backs.say(told, _lines(given)))
    return nothing()


@patch(RECORDS, opt=needs(Scope.PUBLIC))
async def update_records(
    request: AzureRequest,
    hub: FromPath[str],
    plan_id: FromPath[str],
    timeline_id: FromPath[str],
) -> Response[bytes]:
    """Show how far the task is; how it ends is said by an event alone."""
    told = await _reporter(request, hub, plan_id)
    _check_is(timeline_id, str(told.about.plan_id), "timeline")
    body = await request.properties("timelineRecords", ("value", "count"))
    known = ("id", "percentComplete", "currentOperation")
    records = [json_reading.cased(object_in(one, "a record"), known) for one in _values(body)]
    for record in records:
        _check_record(told, text_in(record.get("id"), "id"))
        percent, operation = record.get("percentComplete"), record.get("currentOperation")
        await _ended_is_401(
            call_backs.progress(
                told,
                None
                if percent is None
                else number_in(percent, "percentComplete", lowest=0, highest=100),
                None if operation is None else text_in(operation, "currentOperation"),
            )
        )
    return request.collection("timelineRecord", records)


# ---- who reports, on what -------------------------------------------------------------------


async def _reporter(request: AzureRequest, hub: str, plan_id: str) -> Reporter:
    """Whoever holds the token of a job of this plan. Raises NotSignedIn."""
    tokens = credentials.tokens(request.headers.get("authorization", ""))
    told = await call_backs.reporter(request.asked.installation, tokens, plan_id)
    if told is None or hub.lower() != (BUILD_HUB if told.about.build_id else RELEASE_HUB):
        raise NotSignedIn(ENDED)
    return told


async def _ended_is_401(reporting: Any) -> None:
    try:
        await reporting
    except TokenEnded:
        raise NotSignedIn(ENDED) from None


def _check_ids(told: Reporter, body: dict[str, Any]) -> None:
    """An event may leave its ids out; those it names must be the job's own."""
    job, task = text_in(body.get("jobId"), "jobId"), text_in(body.get("taskId"), "taskId")
    if job:
        _check_is(job, str(told.about.job_guid), "job")
    if task:
        _check_is(task, str(told.about.task_instance_id), "task")


def _check_record(told: Reporter, record: str) -> None:
    known = (str(told.about.task_instance_id), str(told.about.job_guid))
    if record.strip().lower() not in known:
        raise Problem(404, "VssResourceNotFoundException", "The plan has no such record.")


def _check_is(given: str, known: str, what: str) -> None:
    if given.strip().lower() != known:
        raise Problem(404, "VssResourceNotFoundException", f"The plan has no such {what}.")


def _result(said: object) -> JobStatus:
    if isinstance(said, int) and not isinstance(said, bool):
        said = BY_NUMBER.get(said, "")
    found = RESULTS.get(text_in(said, "result").strip().lower())
    if found is None:
        raise _wrong(f"result must be one of {', '.join(RESULTS)}.")
    return found


def _outputs(body: dict[str, Any]) -> list[Output]:
    """The variables that a task has set: a value, or an object of value and isSecret."""
    listed = object_in(body.get("outputVariables"), "outputVariables")
    if len(listed) > MOST_OUTPUTS:
        raise _wrong(f"At most {MOST_OUTPUTS} outputVariables are kept of a task.")
    return [_output(name, said) for name, said in listed.items()]


def _output(name: str, said: object) -> Output:
    where = f"outputVariables.{name[:100]}"
    if not name.strip() or len(name) > LONGEST_NAME or "\0" in name:
        raise _wrong(f"{where} must have a name of 1 to {LONGEST_NAME} characters.")
    if not isinstance(said, Mapping):
        said = {"value": said}
    one = json_reading.cased(dict(said), ("value", "isSecret"))
    value = text_in(one.get("value"), f"{where}.value", longest=LONGEST_LINE)
    is_secret = one.get("isSecret") or False
    if not isinstance(is_secret, bool) or "\0" in value:
        raise _wrong(f"{where} must have a text as its value and true or false as isSecret.")
    return Output(name.strip(), value, is_secret)


def _values(body: dict[str, Any]) -> list[Any]:
    return array_in(body.get("value"), "value")


def _lines(lines: list[str]) -> list[str]:
    if len(lines) > MOST_LINES:
        raise _wrong(f"At most {MOST_LINES} lines are taken at once.")
    return [line[:LONGEST_LINE] for line in lines]


def _wrong(message: str) -> Problem:
    return Problem(400, "VssPropertyValidationException", message)


def _log_id(told: Reporter) -> int:
    return told.about.task_run_id or told.about.id


def _log(told: Reporter) -> dict[str, Any]:
    number = _log_id(told)
    return {
        "id": number,
        "path": f"logs\\{number}",
        "lineCount": None,
        "createdOn": date_out(told.about.asked_at or datetime.now(UTC)),
        "lastChangedOn": date_out(datetime.now(UTC)),
    }


ROUTES = [raise_event, create_log, append_log, append_feed, update_records]
