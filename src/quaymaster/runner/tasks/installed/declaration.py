"""What a task.json declares: identity, inputs, executions and restrictions (SEMANTICS 18.1)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quaymaster.domain.task_versions import Version, exact
from quaymaster.protocol.job import Section
from quaymaster.runner.containment import safe_parts
from quaymaster.runner.environment import AGENT_VERSION
from quaymaster.runner.tasks.definition import Input

NAME = "task.json"
LARGEST_BYTES = 8 * 1024**2
LONGEST_NAME = 100

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")
_SECTIONS: tuple[tuple[str, Section], ...] = (
    ("prejobexecution", "pre"),
    ("execution", "main"),
    ("postjobexecution", "post"),
)

_WITHOUT_AGENT = {"httprequest", "httprequestchain", "servicebus"}  # SEMANTICS 20.1


class TaskRefused(Exception):
    """A task that cannot be taken as it is; the text lists what is wrong with it, and where."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One way to run a section of a task: a handler such as `Node20_1`, and what it runs."""

    handler: str
    target: str
    working_directory: str = ""
    platforms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declaration:
    """A task as its author describes it. `settable_variables` None is no limit (18.15).

    `without_agent` is what it runs where there is no agent: the texts of the part `Execute` by
    their names in lower case, by the name of the execution, such as `HttpRequest` (20.3).
    """

    id: str
    name: str
    title: str
    version: str
    inputs: tuple[Input, ...]
    sections: Mapping[Section, tuple[Execution, ...]]
    output_variables: frozenset[str] = frozenset()
    restricted: bool = False
    settable_variables: tuple[str, ...] | None = None
    demands: tuple[str, ...] = ()
    without_agent: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read(path: Path) -> Declaration:
    """The declaration in a task.json. Raises TaskRefused with every problem in it."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise TaskRefused(f"{path} is larger than {LARGEST_BYTES} bytes.")
        found = json.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise TaskRefused(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise TaskRefused(f"{path} must hold an object.")
    reading = _Reading({str(key).lower(): value for key, value in found.items()})
    declaration = reading.declaration()
    if reading.problems:
        raise TaskRefused(f"{path} cannot be used:\n  " + "\n  ".join(reading.problems))
    return declaration


class _Reading:
    """One task.json while it is read; keys at the top are known in any case, as .NET reads them."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self.problems: list[str] = []

    def declaration(self) -> Declaration:
        sections = dict(self._sections())
        if not sections and not self.problems:
            self._wrong("execution", "is missing: the task runs nothing on an agent")
        self._check_agent_version()
        restricted, settable = self._restrictions()
        return Declaration(
            id=self._id(),
            name=self._name(),
            title=self._text("friendlyname") or self._text("name"),
            version=self._version(),
            inputs=tuple(self._inputs()),
            sections=sections,
            output_variables=frozenset(
                str(entry.get("name", "")) for entry in self._objects("outputvariables")
            ),
            restricted=restricted,
            settable_variables=settable,
            demands=tuple(self._demands()),
            without_agent=dict(self._without_agent()),
        )

    def _wrong(self, where: str, what: str) -> None:
        self.problems.append(f"{where}: {what}")

    def _text(self, key: str) -> str:
        value = self._root.get(key, "")
        if isinstance(value, str):
            return value.strip()
        self._wrong(key, "must be a text")
        return ""

    def _objects(self, key: str) -> list[Mapping[str, Any]]:
        value = self._root.get(key) or []
        if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
            return value
        self._wrong(key, "must be a list of objects")
        return []

    def _id(self) -> str:
        text = self._text("id")
        if not _GUID.fullmatch(text):
            self._wrong("id", "must be a GUID")
        return text.lower()

    def _name(self) -> str:
        text = self._text("name")
        if not _FOLDER_NAME.fullmatch(text) or len(text) > LONGEST_NAME or text.endswith("."):
            self._wrong(
                "name",
                f"must be 1 to {LONGEST_NAME} letters, digits, blanks or any of . _ - "
                "(it becomes the name of a folder)",
            )
        return text

    def _version(self) -> str:
        value = self._root.get("version")
        parts = value if isinstance(value, dict) else {}
        numbers = {str(key).lower(): str(number) for key, number in parts.items()}
        text = ".".join(numbers.get(key, "") for key in ("major", "minor", "patch"))
        found = exact(text)
        if found is None:
            self._wrong("version", "must hold the whole numbers Major, Minor and Patch")
            return ""
        return ".".join(map(str, found))

    def _inputs(self) -> Iterator[Input]:
        seen: set[str] = set()
        for position, entry in enumerate(self._objects("inputs")):
            name = str(entry.get("name") or "").strip()
            if not name or name.lower() in seen:
                self._wrong(f"inputs[{position}].name", "is missing, or there twice")
                continue
            seen.add(name.lower())
            aliases = entry.get("aliases")
            yield Input(
                name,
                str(entry.get("type") or "string"),
                _as_text(entry.get("defaultValue")),
                required=entry.get("required") in (True, "true"),
                aliases=tuple(map(str, aliases)) if isinstance(aliases, list) else (),
            )

    def _sections(self) -> Iterator[tuple[Section, tuple[Execution, ...]]]:
        for key, section in _SECTIONS:
            listed = self._root.get(key) or {}
            if not isinstance(listed, dict):
                self._wrong(key, "must be an object with one entry for each handler")
                continue
            executions = tuple(
                execution
                for handler, said in listed.items()
                if (execution := self._execution(f"{key}.{handler}", handler, said))
            )
            if executions:
                yield section, executions

    def _execution(self, where: str, handler: str, said: object) -> Execution | None:
        if not isinstance(said, dict):
            self._wrong(where, "must be an object")
            return None
        target = _as_text(said.get("target"))
        platforms = said.get("platforms")
        return Execution(
            handler,
            target,
            _as_text(said.get("workingDirectory")),
            tuple(map(str, platforms)) if isinstance(platforms, list) else (),
        )

    def _without_agent(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        listed = self._root.get("execution")
        for name, said in listed.items() if isinstance(listed, dict) else ():
            if name.lower() in _WITHOUT_AGENT and isinstance(said, dict):
                parts = {str(key).lower(): value for key, value in said.items()}
                execute = parts.get("execute")
                texts = execute.items() if isinstance(execute, dict) else ()
                yield name, {str(key).lower(): _as_text(value) for key, value in texts}

    def _demands(self) -> Iterator[str]:
        said = self._root.get("demands")
        for entry in said if isinstance(said, list) else ():
            if isinstance(entry, str):
                yield entry

    def _check_agent_version(self) -> None:
        wanted = self._text("minimumagentversion")
        if not wanted:
            return
        needed = exact(".".join([*wanted.split("."), "0", "0"][:3]))
        if needed is None:
            self._wrong("minimumAgentVersion", "must be whole numbers such as 2.144.0")
        elif needed > _OWN_VERSION:
            self._wrong(
                "minimumAgentVersion",
                f"asks for {wanted}; this runner does what agents of {AGENT_VERSION} do",
            )

    def _restrictions(self) -> tuple[bool, tuple[str, ...] | None]:
        """Whether only harmless commands are obeyed, and which variables may be set (18.15)."""
        said = self._root.get("restrictions")
        restrictions = said if isinstance(said, dict) else {}
        commands = restrictions.get("commands")
        settable = restrictions.get("settableVariables")
        mode = commands.get("mode") if isinstance(commands, dict) else None
        allowed = settable.get("allowed", []) if isinstance(settable, dict) else None
        if allowed is not None and not isinstance(allowed, list):
            self._wrong("restrictions.settableVariables.allowed", "must be a list of names")
            allowed = []
        return (
            isinstance(mode, str) and mode.lower() == "restricted",
            None if allowed is None else tuple(map(str, allowed)),
        )


def _as_text(value: object) -> str:
    """A value as a text: authors write numbers and true without quotes, too."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def target_path(folder: Path, execution: Execution) -> Path | None:
    """The file that an execution runs, or None when there is no such file in the task's folder."""
    written = _CURRENT.sub("", execution.target).replace("\\", "/").strip().lstrip("/")
    parts = safe_parts(written)
    if parts is None:
        return None
    path = folder.joinpath(*parts)
    return path if path.is_file() else None


_CURRENT = re.compile(r"\$\(currentDirectory\)", re.IGNORECASE)


def working_directory(folder: Path, execution: Execution) -> str:
    """Where an execution wants to run, its own folder filled in; '' for the usual directory."""
    said = execution.working_directory
    return _CURRENT.sub(lambda _: str(folder), said).replace("\\", "/") if said else ""


_OWN_VERSION: Version = exact(AGENT_VERSION) or (0, 0, 0)
