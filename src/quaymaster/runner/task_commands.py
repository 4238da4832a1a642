"""The commands of area `task`, each read into what it asks for (SEMANTICS 15.4)."""

from urllib.parse import urlsplit

from quaymaster.runner.effects import (
    AddAttachment,
    CommandWarning,
    Complete,
    Debug,
    Effect,
    EndpointField,
    IssueKind,
    LogDetail,
    LogIssue,
    PrependPath,
    SetEndpoint,
    SetProgress,
    SetSecret,
    SetTaskVariable,
    SetVariable,
    TaskResult,
    UploadFile,
    UploadSummary,
)
from quaymaster.runner.reading import (
    Asked,
    Unacceptable,
    detail_state,
    file_name,
    guid,
    integer,
    moment,
    one_line,
    percent,
    task_result,
)

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"


def set_variable(asked: Asked) -> Effect:
    """A secret of several lines is refused: its lines would be hard to mask."""
    name, is_secret = asked.needed_name("variable"), asked.switch("issecret")
    if is_secret and "\n" in asked.data and not asked.multiline_secrets:
        raise Unacceptable(
            "a secret of several lines is refused unless SYSTEM_UNSAFEALLOWMULTILINESECRET is true"
        )
    return SetVariable(
        name,
        asked.data,
        is_secret=is_secret,
        is_output=asked.switch("isoutput"),
        is_read_only=asked.switch("isreadonly"),
        preserve_case=asked.switch("preservecase"),
    )


def set_task_variable(asked: Asked) -> Effect:
    """As set_variable, for the parts of this task only."""
    return SetTaskVariable(
        asked.needed_name("variable"),
        asked.data,
        is_secret=asked.switch("issecret"),
        is_read_only=asked.switch("isreadonly"),
    )


def set_secret(asked: Asked) -> Effect:
    """Nothing to mask is nothing wrong."""
    return SetSecret(asked.data)


def log_issue(asked: Asked) -> Effect:
    """Without a type only a warning; with one that is neither error nor warning, an error."""
    if not asked.text("type"):
        return CommandWarning("An issue without the property 'type' cannot be created")
    try:
        kind = IssueKind(asked.text("type").lower())
    except ValueError:
        raise Unacceptable("the property 'type' must be error or warning") from None
    has_place = bool(asked.text("sourcepath"))
    return LogIssue(
        kind,
        asked.data,
        _line_with_place(asked, kind) if has_place else asked.data,
        category="Code" if has_place else "General",
        properties=asked.others("type"),
    )


def _line_with_place(asked: Asked, kind: IssueKind) -> str:
    """`path(line,column): kind code: message`, leaving out what was not said."""
    place = ",".join(filter(None, (asked.text("linenumber"), asked.text("columnnumber"))))
    where = f"{asked.text('sourcepath')}({place})" if place else asked.text("sourcepath")
    what = f"{kind} {asked.text('code')}".rstrip()
    return f"{where}: {what}: {asked.data}"


def complete(asked: Asked) -> Effect:
    """The result is required, exactly as it is called (SEMANTICS 18.10: Cancelled is none)."""
    result = task_result(asked.text("result"))
    if result is None:
        names = ", ".join(TaskResult.__members__)
        raise Unacceptable(f"the property 'result' must be one of {names}")
    return Complete(result, asked.data, asked.switch("done"))


def set_progress(asked: Asked) -> Effect:
    """A value that is no number counts as 0."""
    return SetProgress(percent(asked.text("value")) or 0, asked.data)


def log_detail(asked: Asked) -> Effect:
    """What one command can say of a part; whether that is enough, `Details` knows."""
    record, parent = guid(asked.needed("id")), asked.text("parentid")
    if record is None or record == EMPTY_GUID:
        raise Unacceptable("the property 'id' must be a GUID other than zero")
    if parent and guid(parent) is None:
        raise Unacceptable("the property 'parentid' must be a GUID")
    result, state = asked.text("result"), asked.text("state")
    return LogDetail(
        record,
        parent_id=guid(parent),
        type=asked.text("type") or None,
        name=asked.text("name") or None,
        order=integer(asked.text("order")),
        started_at=moment(asked.text("starttime")),
        finished_at=moment(asked.text("finishtime")),
        percent=percent(asked.text("progress")),
        state=detail_state(state) if state else None,
        result=(task_result(result) or TaskResult.Succeeded) if result else None,
        operation=asked.data or None,
    )


def add_attachment(asked: Asked) -> Effect:
    """Type and name become parts of a path, so they may not hold one."""
    type_ = file_name(asked.needed("type"), "the property 'type'")
    name = file_name(asked.needed("name"), "the property 'name'")
    return AddAttachment(type_, name, asked.needed_data("the path of a file"))


def upload_summary(asked: Asked) -> Effect:
    """Kept under the file's own name."""
    path = asked.needed_data("the path of a file")
    return UploadSummary(_last_part(path), path)


def upload_file(asked: Asked) -> Effect:
    """Kept under the file's own name."""
    path = asked.needed_data("the path of a file")
    return UploadFile(_last_part(path), path)


def _last_part(path: str) -> str:
    name = path.replace("\\", "/").rpartition("/")[2]
    if not name:
        raise Unacceptable("the path must end in the name of a file")
    return name


def prepend_path(asked: Asked) -> Effect:
    """A directory, not blank."""
    return PrependPath(asked.needed_data("a directory"))


def set_endpoint(asked: Asked) -> Effect:
    """Which connections there are, the runner knows."""
    parts = {known.lower(): known for known in EndpointField}
    part = parts.get(asked.needed("field").lower())
    if part is None:
        raise Unacceptable(f"the property 'field' must be one of {', '.join(EndpointField)}")
    endpoint = guid(asked.needed("id"))
    if endpoint is None:
        raise Unacceptable("the property 'id' must be a GUID")
    if part is not EndpointField.URL:
        return SetEndpoint(endpoint, part, asked.needed_name("key"), asked.data)
    if not _is_absolute(asked.data):
        raise Unacceptable("the URL behind the ']' must be absolute, like https://host/path")
    return SetEndpoint(endpoint, part, "", asked.data)


def _is_absolute(url: str) -> bool:
    try:
        parts = urlsplit(one_line(url, "the URL"))
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def debug(asked: Asked) -> Effect:
    """Any text."""
    return Debug(asked.data)


TASK_COMMANDS = {
    "SETVARIABLE": set_variable,
    "SETTASKVARIABLE": set_task_variable,
    "SETSECRET": set_secret,
    "LOGISSUE": log_issue,
    "ISSUE": log_issue,
    "COMPLETE": complete,
    "SETPROGRESS": set_progress,
    "LOGDETAIL": log_detail,
    "ADDATTACHMENT": add_attachment,
    "UPLOADSUMMARY": upload_summary,
    "UPLOADFILE": upload_file,
    "PREPENDPATH": prepend_path,
    "SETENDPOINT": set_endpoint,
    "DEBUG": debug,
}
