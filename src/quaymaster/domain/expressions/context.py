"""What an expression may look at while it is evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quaymaster.domain.ordinal import IgnoreCase


@dataclass(frozen=True, slots=True)
class Context:
    """The variables (any case), the job's status so far, and further values known by name.

    `job_status` is Agent.JobStatus: Succeeded, SucceededWithIssues, Failed or Canceled.
    `named` holds JSON values, e.g. `root` for the answer a server task received; under the name
    `counter` it holds a function (prefix, seed) -> int (SEMANTICS 14.10, 14.12, 20.4).
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    job_status: str = "Succeeded"
    named: Mapping[str, object] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "variables", _any_case(self.variables))
        object.__setattr__(self, "named", _any_case(self.named))


def _any_case(entries: Mapping[str, object]) -> IgnoreCase[object]:
    return entries if isinstance(entries, IgnoreCase) else IgnoreCase(entries)
