"""The words of Azure definition documents and their numbers, one table each (CONTRACT A.5)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from quaymaster.domain.numbers import digits

# A bit mask of any published enumeration fits; longer digits are not a number anybody meant.
MOST_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Words:
    """One enumeration: its published words with their numbers.

    `is_flags` allows several words joined by comma, whose numbers are ORed; `also` are further
    spellings that are read.
    """

    name: str
    numbers: Mapping[str, int]
    is_flags: bool = False
    also: Mapping[str, str] = field(default_factory=dict)
    _spelling: Mapping[str, str] = field(init=False, repr=False)
    _words: Mapping[int, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        spelling = {**{word: word for word in self.numbers}, **self.also}
        words = {number: word for word, number in reversed(list(self.numbers.items()))}
        folded = {written.casefold(): word for written, word in spelling.items()}
        object.__setattr__(self, "_spelling", folded)
        object.__setattr__(self, "_words", words)

    @property
    def every_bit(self) -> int:
        """The numbers of all words, ORed."""
        joined = 0
        for number in self.numbers.values():
            joined |= number
        return joined

    def one(self, value: object) -> str | None:
        """The word that a word in any case, a digit string or an integer means, if it means one."""
        number = number_in(value)
        if number is not None:
            return self._words.get(number)
        return self._spelling.get(value.strip().casefold()) if isinstance(value, str) else None

    def number(self, value: object) -> int:
        """The number of a word in any case, a digit string or an integer.

        Raises ValueError with a sentence that names what is allowed.
        """
        number = number_in(value)
        if number is not None:
            return self._known(number)
        if isinstance(value, str):
            return self._read(value.strip())
        raise ValueError(self.complaint(value))

    def word(self, value: object) -> str:
        """The published spelling of what `number` reads; flags are joined by ", "."""
        number = self.number(value)
        if number in self._words:
            return self._words[number]
        return ", ".join(self.words_in(number))

    def words_in(self, number: int) -> Iterator[str]:
        """The words of the single bits of a bit mask, in the order of their numbers."""
        for word, bit in sorted(self.numbers.items(), key=lambda entry: entry[1]):
            if bit and bit & number == bit and bit & (bit - 1) == 0:
                yield word

    def complaint(self, value: object) -> str:
        """What is wrong with a value that is none of these."""
        shown = repr(value) if isinstance(value, (str, int, float)) else "this"
        allowed = ", ".join(f"{word} ({number})" for word, number in self.numbers.items())
        return f"{shown[:80]} is no {self.name}; use one of {allowed}"

    def _read(self, text: str) -> int:
        if not self.is_flags:
            return self.numbers[self._spelled(text)]
        mask = 0
        for part in text.split(","):
            mask |= self.numbers[self._spelled(part.strip())]
        return mask

    def _spelled(self, text: str) -> str:
        try:
            return self._spelling[text.casefold()]
        except KeyError:
            raise ValueError(self.complaint(text)) from None

    def _known(self, number: int) -> int:
        allowed = number & ~self.every_bit == 0 if self.is_flags else number in self._words
        if number < 0 or not allowed:
            raise ValueError(self.complaint(number))
        return number


def number_in(value: object) -> int | None:
    """An integer, or the one that digits stand for; None for anything else."""
    if isinstance(value, int):
        return None if isinstance(value, bool) else value
    return digits(value.strip(), MOST_DIGITS) if isinstance(value, str) else None


DEFINITION_SOURCE = Words(
    "ReleaseDefinitionSource",
    {"undefined": 0, "restApi": 1, "userInterface": 2, "ibiza": 4, "portalExtensionApi": 8},
)
PHASE_TYPE = Words(
    "DeployPhaseTypes",
    {
        "undefined": 0,
        "agentBasedDeployment": 1,
        "runOnServer": 2,
        "machineGroupBasedDeployment": 4,
        "deploymentGates": 8,
    },
)
PARALLEL_EXECUTION = Words(
    "ParallelExecutionTypes", {"none": 0, "multiConfiguration": 1, "multiMachine": 2}
)
CONDITION_TYPE = Words(
    "ConditionType", {"undefined": 0, "event": 1, "environmentState": 2, "artifact": 4}
)
ENVIRONMENT_STATUS = Words(
    "EnvironmentStatus",
    {
        "undefined": 0,
        "notStarted": 1,
        "inProgress": 2,
        "succeeded": 4,
        "canceled": 8,
        "rejected": 16,
        "queued": 32,
        "scheduled": 64,
        "partiallySucceeded": 128,
    },
    is_flags=True,
)
APPROVAL_ORDER = Words(
    "ApprovalExecutionOrder",
    {"beforeGates": 1, "afterSuccessfulGates": 2, "afterGatesAlways": 4},
)
TRIGGER_TYPE = Words(
    "ReleaseTriggerType",
    {
        "undefined": 0,
        "artifactSource": 1,
        "schedule": 2,
        "sourceRepo": 3,
        "containerImage": 4,
        "package": 5,
        "pullRequest": 6,
    },
)
ENVIRONMENT_TRIGGER_TYPE = Words(
    "EnvironmentTriggerType",
    {"undefined": 0, "deploymentGroupRedeploy": 1, "rollbackRedeploy": 2},
)
SCHEDULE_DAYS = Words(
    "ScheduleDays",
    {
        "none": 0,
        "monday": 1,
        "tuesday": 2,
        "wednesday": 4,
        "thursday": 8,
        "friday": 16,
        "saturday": 32,
        "sunday": 64,
        "all": 127,
    },
    is_flags=True,
)
PULL_REQUEST_SYSTEM = Words("PullRequestSystemType", {"none": 0, "tfsGit": 1, "gitHub": 2})
PROCESS_TYPE = Words("PipelineProcessTypes", {"designer": 1, "yaml": 2})

DEFINITION_QUALITY = Words("DefinitionQuality", {"definition": 1, "draft": 2})
QUEUE_STATUS = Words("DefinitionQueueStatus", {"enabled": 0, "paused": 1, "disabled": 2})
DEFINITION_TYPE = Words("DefinitionType", {"xaml": 1, "build": 2})
JOB_SCOPE = Words("BuildAuthorizationScope", {"projectCollection": 1, "project": 2})
