"""Lines that speak to the runner: `##vso[area.event name=value;…]data` (SEMANTICS 15)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from quaymaster.domain.ordinal import IgnoreCase, upper
from quaymaster.runner.effects import (
    CommandError,
    CommandWarning,
    Effect,
    SetVariable,
    TelemetryIgnored,
)
from quaymaster.runner.publishing_commands import (
    add_build_tag,
    artifact_associate,
    artifact_upload,
    codecoverage_publish,
    results_publish,
    update_build_number,
    update_release_name,
    upload_build_log,
)
from quaymaster.runner.reading import Asked, Unacceptable
from quaymaster.runner.task_commands import TASK_COMMANDS, upload_summary

PREFIX = "##vso["
MENTION = "##vso"  # a line that holds it and is no command is a failed try (15.3)
SHOWN = 60

_LINE_ENDS = (("%0D", "\r"), ("%0A", "\n"))
_ESCAPES = (("%3B", ";"), *_LINE_ENDS, ("%5D", "]"))
_PERCENT = "%AZP25"


@dataclass(frozen=True, slots=True)
class LoggingCommand:
    """One command as it was written; names of properties are found in any case."""

    area: str
    event: str
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    data: str = field(default="", repr=False)


def parse(line: str, *, decode_percents: bool = True) -> LoggingCommand | None:
    """The command in a line of output, or None when there is none that can be read.

    The prefix may stand anywhere and minds case; what is before it is dropped. Never raises.
    """
    _, prefix, rest = line.partition(PREFIX)
    head, bracket, data = rest.partition("]")
    if not prefix or not bracket:
        return None
    name, _, properties = head.partition(" ")
    names = [part for part in name.split(".") if part]
    if len(names) != 2:
        return None
    return LoggingCommand(
        names[0],
        names[1],
        IgnoreCase(_properties(properties, decode_percents)),
        unescape(data, decode_percents=decode_percents),
    )


def unescape(text: str, *, decode_percents: bool = True) -> str:
    """Undo the escapes of SEMANTICS 15.2, which mind case; the percent sign comes last."""
    for escaped, plain in _ESCAPES:
        text = text.replace(escaped, plain)
    return text.replace(_PERCENT, "%") if decode_percents else text


def line_of(name: str, properties: Mapping[str, str], data: str) -> str:
    """A command as a line from which `parse` reads these values again (SEMANTICS 15.2)."""
    pairs = (f"{key}={_escaped(value, _ESCAPES)}" for key, value in properties.items())
    return f"{PREFIX}{name} {';'.join(pairs)}]{_escaped(data, _LINE_ENDS)}"


def _escaped(text: str, escapes: tuple[tuple[str, str], ...]) -> str:
    text = text.replace("%", _PERCENT)
    for escaped, plain in escapes:
        text = text.replace(plain, escaped)
    return text


def _properties(written: str, decode_percents: bool) -> dict[str, str]:
    """Names and values; a name given twice, in any case, keeps its last value.

    Names are not trimmed; a property without a name or without a value is dropped, and several
    '=' in a row count as one.
    """
    found: dict[str, str] = {}
    first_written: dict[str, str] = {}
    for pair in written.split(";"):
        name, _, value = pair.lstrip("=").partition("=")
        value = value.lstrip("=")
        if name and value:
            kept = first_written.setdefault(upper(name), name)
            found[kept] = unescape(value, decode_percents=decode_percents)
    return found


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for the commands of one step.

    `host` is the kind of run: build, release or deployment. `restricted` is the task's own wish
    to obey only the harmless commands, `settable_variables` the names it may set, where `*` stands
    for anything; None is no limit (SEMANTICS 18.15). A secret of several lines is refused unless
    `multiline_secrets` (SYSTEM_UNSAFEALLOWMULTILINESECRET).
    """

    host: str = "release"
    restricted: bool = False
    settable_variables: tuple[str, ...] | None = None
    multiline_secrets: bool = False

    def may_set(self, name: str) -> bool:
        """Whether the task's list of settable variables has this name; it may have no list."""
        allowed = self.settable_variables
        return allowed is None or any(_matches(pattern, name) for pattern in allowed)


@dataclass(frozen=True, slots=True)
class _Area:
    """The events of one area, in upper case, and the hosts it is for (none named: all)."""

    events: Mapping[str, Callable[[Asked], Effect]]
    hosts: tuple[str, ...] = ()


KNOWN = {
    "TASK": _Area(TASK_COMMANDS),
    "ARTIFACT": _Area(
        {"ASSOCIATE": artifact_associate, "UPLOAD": artifact_upload}, ("build", "release")
    ),
    "BUILD": _Area(
        {
            "UPLOADLOG": upload_build_log,
            "UPLOADSUMMARY": upload_summary,
            "UPDATEBUILDNUMBER": update_build_number,
            "ADDBUILDTAG": add_build_tag,
        }
    ),
    "RELEASE": _Area({"UPDATERELEASENAME": update_release_name}, ("release", "deployment")),
    "RESULTS": _Area({"PUBLISH": results_publish}),
    "CODECOVERAGE": _Area({"PUBLISH": codecoverage_publish}, ("build",)),
    "TELEMETRY": _Area({"PUBLISH": lambda _: TelemetryIgnored()}),
}

# The commands a restricted task may still use (SEMANTICS 18.15).
_HARMLESS = frozenset(
    {
        *("COMPLETE", "LOGDETAIL", "DEBUG", "LOGISSUE", "ISSUE", "SETPROGRESS", "SETSECRET"),
        *("SETVARIABLE", "SETTASKVARIABLE", "PREPENDPATH"),
    }
)


def interpret(command: LoggingCommand, rules: Rules | None = None) -> Effect:
    """What a command asks for. Never raises and changes nothing by itself.

    CommandWarning: ignored, to be warned about. CommandError: to be shown as an error issue, and
    the step's command result becomes Failed (SEMANTICS 15.3). What a command that is not obeyed
    meant to keep secret comes along, to be masked all the same.
    """
    effect = _effect(command, rules or Rules())
    if isinstance(effect, CommandError | CommandWarning) and _holds_secret(command):
        return replace(effect, secret=command.data)
    return effect


def _holds_secret(command: LoggingCommand) -> bool:
    """Whether the data would be masked if the command were obeyed."""
    is_secret = Asked(command.properties, command.data).switch("issecret")
    return is_secret or upper(command.event) in {"SETSECRET", "SETENDPOINT"}


def _effect(command: LoggingCommand, rules: Rules) -> Effect:
    area = KNOWN.get(upper(command.area))
    called = f"##vso[{command.area[:SHOWN]}.{command.event[:SHOWN]}]"
    if area is None:
        return CommandWarning(f"{called} is ignored: no area of that name is known")
    if area.hosts and rules.host.lower() not in area.hosts:
        return CommandError(f"{called} cannot be used in a {rules.host}", shows_line=True)
    obey = area.events.get(upper(command.event))
    if obey is None:
        return CommandError(f"{called}: the area has no command of that name")
    if rules.restricted and not _is_harmless(command):
        return CommandWarning(f"{called} is ignored: this task is restricted to other commands")
    try:
        effect = obey(Asked(command.properties, command.data, rules.host, rules.multiline_secrets))
    except Unacceptable as problem:
        return CommandError(f"{called}: {problem}")
    if isinstance(effect, SetVariable) and not rules.may_set(effect.name):
        return CommandWarning(f"{called} is ignored: this task may not set '{effect.name}'")
    return effect


def _is_harmless(command: LoggingCommand) -> bool:
    return upper(command.area) == "TASK" and upper(command.event) in _HARMLESS


def _matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern in which `*` stands for anything, case ignored."""
    first, *rest = upper(pattern).split("*")
    folded = upper(name)
    if not rest:
        return folded == first
    *middle, last = rest
    position = len(first)
    for part in middle:
        found = folded.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return (
        folded.startswith(first) and folded.endswith(last) and len(folded) - len(last) >= position
    )
