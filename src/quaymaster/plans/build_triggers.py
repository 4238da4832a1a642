"""Reads what queues builds of a definition by itself from its document (issue 4.3)."""

from collections.abc import Iterator, Mapping
from typing import Any

from quaymaster.domain.build_plan import ProcessType, RepositoryPlan
from quaymaster.domain.build_triggers import (
    BuildSchedule,
    BuildTriggers,
    CompletionTrigger,
    PullRequestTrigger,
    PushTrigger,
)
from quaymaster.domain.plan import Schedule
from quaymaster.domain.pushes import id_key, named_key, repository_key

# The published numbers of trigger types, as exports hold them.
_WORDS = {
    2: "continuousIntegration",
    4: "batchedContinuousIntegration",
    8: "schedule",
    64: "pullRequest",
    128: "buildCompletion",
}
PUSHES = ("continuousintegration", "batchedcontinuousintegration")
PULL_REQUESTS = ("pullrequest",)
IN_FILE = 2
Document = Mapping[str, Any]


def build_triggers(document: Document) -> BuildTriggers:
    """The triggers of a build definition; what cannot be read triggers nothing."""
    push: PushTrigger | None = None
    pull_request: PullRequestTrigger | None = None
    schedules: list[BuildSchedule] = []
    completions: list[CompletionTrigger] = []
    listed = list(_objects(document.get("triggers")))
    in_file = _is_yaml(document) and not any(map(_overrules_file, listed))
    if in_file:
        push, pull_request = PushTrigger(), PullRequestTrigger()
        pull_request = next(map(_pull_request, filter(_is_pull_request, listed)), pull_request)
    for entry in listed:
        if _is_of_file(entry):
            continue
        match _word(entry.get("triggerType")):
            case "continuousintegration":
                push = _push(entry, batch=entry.get("batchChanges") is True)
            case "batchedcontinuousintegration":
                push = _push(entry, batch=True)
            case "pullrequest":
                pull_request = _pull_request(entry)
            case "schedule":
                schedules += _schedules(entry)
            case "buildcompletion":
                completions += _completion(entry)
            case _:
                continue  # gated check-ins, and what nobody knows
    return BuildTriggers(
        push,
        pull_request,
        tuple(schedules),
        tuple(completions),
        in_file,
        silent_builds_pushes=in_file and _leaves_to_file(listed, PUSHES),
        silent_builds_pull_requests=in_file and _leaves_to_file(listed, PULL_REQUESTS),
    )


def _leaves_to_file(listed: list[Document], words: tuple[str, ...]) -> bool:
    """Whether a trigger of this kind is there, and its settings are the file's."""
    return any(_is_of_file(one) and _word(one.get("triggerType")) in words for one in listed)


def _is_yaml(document: Document) -> bool:
    process = document.get("process")
    return isinstance(process, dict) and process.get("type") == ProcessType.YAML


def _is_of_file(entry: Document) -> bool:
    """Whether a trigger says no more than that its YAML file has it (`settingsSourceType` 2)."""
    return _whole(entry.get("settingsSourceType")) == IN_FILE


def _overrules_file(entry: Document) -> bool:
    """Whether the definition itself says what is built of pushes or pull requests."""
    return not _is_of_file(entry) and _word(entry.get("triggerType")) in (*PUSHES, *PULL_REQUESTS)


def repository_keys(repository: RepositoryPlan) -> list[str]:
    """All names by which deliveries may call the repository of a definition."""
    found = (
        repository_key(repository.url),
        named_key(repository.type, repository.name),
        named_key(repository.type, repository.id),
        id_key(repository.id),
    )
    return list(dict.fromkeys(key for key in found if key))


def _word(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = _WORDS.get(value, "")
    return value.casefold() if isinstance(value, str) else ""


def _push(entry: Document, *, batch: bool) -> PushTrigger:
    return PushTrigger(
        _texts(entry, "branchFilters"),
        _texts(entry, "pathFilters"),
        batch,
        _whole(entry.get("pollingInterval")),
        _whole(entry.get("maxConcurrentBuildsPerBranch")) or 1,
    )


def _is_pull_request(entry: Document) -> bool:
    return _word(entry.get("triggerType")) == "pullrequest"


def _pull_request(entry: Document) -> PullRequestTrigger:
    said = entry.get("forks")
    forks = said if isinstance(said, dict) else {}
    return PullRequestTrigger(
        _texts(entry, "branchFilters"),
        _texts(entry, "pathFilters"),
        entry.get("autoCancel") is True,
        forks.get("enabled") is True,
        forks.get("allowSecrets") is True,
    )


def _schedules(entry: Document) -> Iterator[BuildSchedule]:
    for one in _objects(entry.get("schedules")):
        mask = _whole(one.get("daysToBuild"))
        schedule = Schedule(
            days=tuple(day for day in range(7) if mask >> day & 1),
            hour=min(_whole(one.get("startHours")), 23),
            minute=min(_whole(one.get("startMinutes")), 59),
            time_zone=str(one.get("timeZoneId") or "UTC").strip() or "UTC",
            only_with_changes=one.get("scheduleOnlyWithChanges") is not False,
        )
        yield BuildSchedule(schedule, _texts(one, "branchFilters"))


def _completion(entry: Document) -> Iterator[CompletionTrigger]:
    named = entry.get("definition")
    number = _whole(named.get("id")) if isinstance(named, dict) else 0
    if number:
        yield CompletionTrigger(
            number,
            _texts(entry, "branchFilters"),
            entry.get("requiresSuccessfulBuild") is not False,
        )


def _objects(value: Any) -> Iterator[Document]:
    for entry in value if isinstance(value, list) else ():
        if isinstance(entry, dict):
            yield entry


def _texts(entry: Document, key: str) -> tuple[str, ...]:
    found = entry.get(key)
    listed = found if isinstance(found, list) else []
    return tuple(text for text in listed if isinstance(text, str) and text.strip())


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
