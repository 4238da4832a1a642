"""The variables of a job: who wins, how they expand, and how a task sees them (SEMANTICS 5, 16)."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass, field, replace
from enum import StrEnum

from quaymaster.domain import macros
from quaymaster.domain.ordinal import IgnoreCase, upper

JOB_STATUS = "agent.jobstatus"
DEBUG = "system.debug"

# SEMANTICS 17.7: what the product itself sets is not for scripts to change.
_PREDEFINED_PREFIXES = ("AGENT.", "BUILD.", "RELEASE.", "SYSTEM.", "TASK.")
_PREDEFINED_NAMES = frozenset({"COMMON.TESTRESULTSDIRECTORY", "PIPELINE.WORKSPACE"})


class VariableError(Exception):
    """A variable that cannot be set as asked; the text says why, without any value."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One named value. `preserve_case`: its environment name keeps the case it was written in."""

    name: str
    value: str = field(repr=False)
    is_secret: bool = False
    is_read_only: bool = False
    preserve_case: bool = False


def plain_and_secret(plain: Mapping[str, str], secret: Mapping[str, str]) -> tuple[Variable, ...]:
    """The variables of one scope, whose values are kept apart; the secret ones say so."""
    return (
        *(Variable(name, value) for name, value in plain.items()),
        *(Variable(name, value, is_secret=True) for name, value in secret.items()),
    )


class VariableSet(Mapping[str, Variable]):
    """A job's variables by name in any case, as they change while the job runs.

    Iterating gives the names as last written, in the order of first mention.
    """

    __slots__ = ("_entries",)

    def __init__(self, variables: Iterable[Variable] = ()) -> None:
        """Later ones win over earlier ones; blank names are left out (SEMANTICS 16.6)."""
        self._entries: dict[str, Variable] = {}
        for variable in variables:
            self._put(variable)

    def __getitem__(self, name: str) -> Variable:
        return self._entries[upper(name)]

    def __iter__(self) -> Iterator[str]:
        return (variable.name for variable in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and upper(name) in self._entries

    def values(self) -> ValuesView[Variable]:
        """The variables in the order of first mention; without this, each would be looked up."""
        return self._entries.values()

    def value(self, name: str, default: str = "") -> str:
        """The value under this name, or the default."""
        return self[name].value if name in self else default

    def texts(self) -> IgnoreCase[str]:
        """Names and values, in any case: what conditions look at and macros are replaced by."""
        return IgnoreCase({variable.name: variable.value for variable in self.values()})

    def secrets(self) -> list[str]:
        """The values that must be masked."""
        return [variable.value for variable in self.values() if variable.is_secret]

    def is_read_only(self, name: str) -> bool:
        """Whether a script that sets this name is warned: predefined, or set as read-only."""
        return is_predefined(name) or (name in self and self[name].is_read_only)

    def copy(self) -> "VariableSet":
        """The same variables; changes to one set do not show in the other."""
        return VariableSet(self.values())

    def put(self, variable: Variable) -> None:
        """Set a variable for the product itself: whatever was there is replaced."""
        self._put(variable)

    def set(
        self,
        variable: Variable,
        *,
        output_of: str | None = None,
        refuse_read_only: bool = False,
    ) -> list[str]:
        """Set a variable as a script asks for it; gives the warnings to show.

        A secret stays secret (SEMANTICS 16.6). `output_of` is the reference name of the step when
        the variable is one of its outputs: it is then kept as `<step>.<name>`, read-only
        (SEMANTICS 13.12). Raises VariableError when that name is empty, when the variable has no
        name, and for read-only ones when `refuse_read_only`.
        """
        asked = variable if output_of is None else _output(variable, output_of)
        if not asked.name.strip():
            raise VariableError("A variable needs a name")
        warnings: list[str] = []
        if self.is_read_only(asked.name):
            sentence = f"Variable '{asked.name}' is read-only and was set again"
            if refuse_read_only:
                raise VariableError(f"{sentence}: refused")
            warnings.append(sentence)
        if asked.name in self and self[asked.name].is_secret:
            asked = replace(asked, is_secret=True)
        self._put(asked)
        return warnings

    def _put(self, variable: Variable) -> None:
        if variable.name.strip():
            self._entries[upper(variable.name)] = variable


def is_predefined(name: str) -> bool:
    """Whether the product sets this name; System.Debug is for everyone (SEMANTICS 17.7)."""
    folded = upper(name)
    if folded == upper(DEBUG):
        return False
    return folded.startswith(_PREDEFINED_PREFIXES) or folded in _PREDEFINED_NAMES


def _output(variable: Variable, step: str) -> Variable:
    if not step:
        name = variable.name
        raise VariableError(f"Output variable '{name}' needs a reference name on its task")
    return replace(variable, name=f"{step}.{variable.name}", is_read_only=True)


@dataclass(frozen=True, slots=True)
class Scopes:
    """Where variables come from, each list from the outer to the inner (SEMANTICS 5.4).

    Groups are in the order they are linked; of two in one scope the later wins. A group linked to
    the stage is narrower than a variable of the release, wider than one of the stage.
    """

    groups: Sequence[Iterable[Variable]] = ()
    release: Iterable[Variable] = ()
    stage_groups: Sequence[Iterable[Variable]] = ()
    stage: Iterable[Variable] = ()
    overrides: Iterable[Variable] = ()
    system: Iterable[Variable] = ()


def effective(scopes: Scopes) -> VariableSet:
    """The variables a job starts with: the narrowest scope wins, system variables beat them all.

    Only System.Debug may be set by anyone. A deployment-time override of a secret is secret.
    """
    layers = (*scopes.groups, scopes.release, *scopes.stage_groups, scopes.stage)
    chosen = VariableSet(variable for layer in layers for variable in layer)
    for override in scopes.overrides:
        was_secret = override.name in chosen and chosen[override.name].is_secret
        chosen.put(replace(override, is_secret=override.is_secret or was_secret))
    for variable in scopes.system:
        if upper(variable.name) != upper(DEBUG) or variable.name not in chosen:
            chosen.put(variable)
    return chosen


def expand_input(
    text: str, variables: Mapping[str, str], environment: Mapping[str, str] | None = None
) -> str:
    """A task input with its macros replaced, once, by variables and then by the environment.

    `variables` are already expanded among themselves (see VariableSet.texts); `environment` is
    that of the runner, its names minding case (SEMANTICS 16.1 b, 16.2).
    """
    by_variables = macros.replaced(text, variables)
    return macros.replaced(by_variables, environment) if environment else by_variables


def env_name(name: str, *, preserve_case: bool = False) -> str:
    """How a variable or input is called in the environment: '.' and ' ' become '_', upper case."""
    formatted = name.replace(".", "_").replace(" ", "_")
    return formatted if preserve_case else upper(formatted)


class Handler(StrEnum):
    """The kinds of task execution that differ in what they are given."""

    NODE = "Node"
    POWERSHELL3 = "PowerShell3"
    PROCESS = "Process"
    POWERSHELL_EXE = "PowerShellExe"


_GIVEN_SECRETS = (Handler.NODE, Handler.POWERSHELL3)


def handler_environment(
    handler: Handler,
    variables: VariableSet,
    inputs: Mapping[str, str],
    task_environment: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment variables a task is started with, besides the runner's own.

    The task's own map comes first, so a variable of the same environment name wins. Public
    variables go to every handler; secrets (as SECRET_x), inputs (as INPUT_x) and the two lists of
    names only to Node and PowerShell3 (SEMANTICS 16.5, 18.3).
    """
    public = [variable for variable in variables.values() if not variable.is_secret]
    environment = dict(task_environment or {})
    for variable in public:
        environment[env_name(variable.name, preserve_case=variable.preserve_case)] = variable.value
        if upper(variable.name) == upper(JOB_STATUS):
            environment[JOB_STATUS] = variable.value
    if handler in _GIVEN_SECRETS:
        secret = [variable for variable in variables.values() if variable.is_secret]
        for variable in secret:
            environment[f"SECRET_{env_name(variable.name)}"] = variable.value
        environment["VSTS_PUBLIC_VARIABLES"] = _names_as_json(public)
        environment["VSTS_SECRET_VARIABLES"] = _names_as_json(secret)
        environment |= {f"INPUT_{env_name(name)}": value for name, value in inputs.items()}
    return environment


def _names_as_json(variables: Iterable[Variable]) -> str:
    return json.dumps([variable.name for variable in variables], separators=(",", ":"))
