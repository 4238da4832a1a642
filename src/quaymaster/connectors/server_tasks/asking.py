"""What every task that asks the outside shares: its inputs, its client, and what it tells."""

from dataclasses import dataclass, field

from quaymaster.actions.ports.outside import ServerTask, WebAnswer, WebClient, WebRequest
from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.plans.server_executions import ServerExecution
from quaymaster.protocol.job import Endpoint
from quaymaster.runner.masking import Masker
from quaymaster.sources.asking import connection_named

SHOWN_CHARACTERS = 16_000  # of an answer, in the evidence


class CannotRun(Exception):
    """The task's inputs ask for what cannot be done; the text says what to change."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One run of a task. `inputs` have their macros replaced and ignore case; `lines` is the
    evidence, which is masked before it goes anywhere. It `waits` when the service reports later how
    it went (20.3); `execution` is what an installed task does."""

    task: ServerTask
    inputs: IgnoreCase[str] = field(repr=False)
    client: WebClient
    masker: Masker
    waits: bool = False
    execution: ServerExecution | None = None
    lines: list[str] = field(default_factory=list)

    def text(self, *names: str) -> str:
        """The first of these inputs that has a value, trimmed."""
        return next((found for name in names if (found := self.inputs.get(name, "").strip())), "")

    def flag(self, name: str) -> bool:
        return self.text(name).lower() == "true"

    def connection(self, word: str) -> Endpoint:
        """The service connection that an input names, by id or name. Raises CannotRun."""
        found = connection_named(self.task.connections, word)
        if found is None:
            raise CannotRun(
                f"The project has no service connection {word!r}, which the task "
                f"{self.task.name} names, that this job may use. Add it, name another one in the "
                "pipeline, or have the pipeline saved by somebody who may use it."
            )
        return found

    async def ask(self, request: WebRequest) -> WebAnswer:
        """Send a request and put it and its answer into the evidence. Raises Unreachable."""
        self.lines.append(f"{request.method} {request.url}")
        answer = await self.client.ask(request)
        self.lines.extend(_told(answer))
        return answer


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
