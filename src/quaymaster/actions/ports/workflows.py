"""Services outside that run builds and deployments, as the actions need them (AVIATOR 1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from quaymaster.domain.statuses import ReportedStatus
from quaymaster.domain.workflows import Workflow
from quaymaster.protocol.job import Endpoint


@dataclass(frozen=True, slots=True)
class CallBack:
    """Where and with which token a service may tell how its run stands."""

    url: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted of a service. `key` is the same at every attempt to ask, and at no other
    order; `number` is the id by which call-backs name it. `asked_at` is when it was asked first or
    last, None before that."""

    key: str
    number: str
    title: str
    workflow: Workflow
    inputs: Mapping[str, str] = field(repr=False)
    commit: str
    repository: str
    connection: Endpoint | None = field(default=None, repr=False)
    asked_at: datetime | None = None
    call_back: CallBack | None = None


@dataclass(frozen=True, slots=True)
class FarRun:
    """A run at the service; parts that are not known are empty."""

    id: str = ""
    url: str = ""
    logs_url: str = ""
    status: ReportedStatus = ReportedStatus.PENDING
    problem: str = ""


class Sighting(StrEnum):
    """What a search for a run may end with besides the run."""

    NOTHING = "nothing"  # it was not begun
    UNCLEAR = "unclear"  # it may have been begun: nobody can tell


class WorkflowRefused(Exception):
    """The service will not do it, however often it is asked; the text says what to change."""


class WorkflowPutOff(Exception):
    """Nothing was done; the same question may be answered later, `after` this time if known."""

    def __init__(self, message: str, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after


class WorkflowUnclear(Exception):
    """The service may have begun a run, or not."""


class WorkflowService(Protocol):
    """One kind of service. Everything raises WorkflowRefused or WorkflowPutOff."""

    @property
    def is_watched(self) -> bool:
        """Whether its runs can be looked at; of others it must tell."""

    async def begin(self, order: Order, /) -> FarRun:
        """Ask for a run; its id is "" where the service does not tell it. Raises WorkflowUnclear
        besides."""

    async def find(self, order: Order, /) -> FarRun | Sighting:
        """The run that was begun for this order."""

    async def state(self, order: Order, run_id: str, /) -> FarRun:
        """How a run stands now."""

    async def cancel(self, order: Order, run_id: str, /) -> None:
        """Ask the service to stop a run; one that is over is left alone."""
