"""The parts a task reports of itself: task.logdetail, command after command (SEMANTICS 15.4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from quaymaster.runner.effects import CommandError, DetailState, LogDetail


@dataclass(frozen=True, slots=True)
class Details:
    """All parts known so far, by id. A new state comes out of `with_detail`; none is changed."""

    records: Mapping[str, LogDetail] = field(default_factory=dict)

    def with_detail(self, told: LogDetail) -> "tuple[Details, LogDetail] | CommandError":
        """Take in one command: the new state and the whole record, or why it cannot be.

        A new record needs a name and a type, and its parent must be known; a known one keeps its
        parent. Times nobody told are for the caller to fill in by its clock.
        """
        known = self.records.get(told.id)
        problem = self._problem_of_new(told) if known is None else _problem_of_known(known, told)
        if problem:
            return CommandError(f"##vso[task.logdetail]: {problem}")
        record = _completed(_started(told) if known is None else _merged(known, told))
        return Details({**self.records, record.id: record}), record

    def _problem_of_new(self, told: LogDetail) -> str | None:
        if not told.name:
            return "the property 'name' is required for a new record"
        if not told.type:
            return "the property 'type' is required for a new record"
        if told.parent_id is not None and told.parent_id not in self.records:
            return "the record named by 'parentid' must be created first"
        return None


def _problem_of_known(known: LogDetail, told: LogDetail) -> str | None:
    moved = told.parent_id is not None and told.parent_id != known.parent_id
    return "the parent of a record cannot be changed" if moved else None


def _started(told: LogDetail) -> LogDetail:
    return replace(told, state=told.state or DetailState.IN_PROGRESS)


def _merged(known: LogDetail, told: LogDetail) -> LogDetail:
    said = {part.name: getattr(told, part.name) for part in fields(told)}
    return replace(known, **{name: value for name, value in said.items() if value is not None})


def _completed(record: LogDetail) -> LogDetail:
    if record.state is DetailState.COMPLETED and record.percent is None:
        return replace(record, percent=100)
    return record
