"""What an installed task asks of others when it runs without an agent (SEMANTICS 20.1, 20.3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quaymaster.domain.macros import replaced
from quaymaster.domain.ordinal import IgnoreCase

HTTP_REQUEST = "HttpRequest"


@dataclass(frozen=True, slots=True)
class ServerExecution:
    """One execution of a task.json, such as HttpRequest, as its author wrote it.

    `execute` are the texts of its part Execute by their names in lower case; `names` gives the
    name of each declared input by itself and by each alias, in lower case; `defaults` the values
    of those that are not given.
    """

    kind: str
    execute: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """Whether it is an HTTP request, which can be made here."""
        return self.kind.lower() == HTTP_REQUEST.lower()

    def inputs(self, given: Mapping[str, str]) -> IgnoreCase[str]:
        """The task's inputs under their declared names, those that are not given by default."""
        named = {self.names.get(name.lower(), name): value for name, value in given.items()}
        present = {name.lower() for name in named}
        left = {n: v for n, v in self.defaults.items() if n.lower() not in present}
        return IgnoreCase({**left, **named})

    def text(self, part: str, values: Mapping[str, str]) -> str:
        """A part of the execution with the macros of these values replaced, once."""
        return replaced(self.execute.get(part, ""), values)
