"""Logging commands of restricted tasks, and those that tell of parts of a task."""

from datetime import UTC, datetime

import pytest

from quaymaster.runner import effects as e
from quaymaster.runner.details import Details
from quaymaster.runner.logging_commands import Rules
from tests.runner.commanding import ID, OTHER, effect


class TestRestrictedTasks:
    def test_only_harmless_commands_are_obeyed(self) -> None:
        rules = Rules(restricted=True)
        assert effect("##vso[task.debug]x", rules) == e.Debug("x")
        refused = (
            "task.uploadfile]/etc/passwd",
            f"task.setendpoint id={ID};field=url]https://h/",
            "release.updatereleasename]x",
        )
        for line in refused:
            assert isinstance(effect(f"##vso[{line}", rules), e.CommandWarning)

    @pytest.mark.parametrize(
        ("allowed", "name", "may"),
        [
            ((), "a", False),
            (("A",), "a", True),
            (("ok*",), "OKAY", True),
            (("ok*",), "notok", False),
            (("*.url",), "x.url", True),
            (("a*b*c",), "a1b2c", True),
            (("a*b*c",), "a1c2b", False),
            (("ab*ba",), "aba", False),
            (("*",), "anything", True),
        ],
    )
    def test_settable_variables(self, allowed: tuple[str, ...], name: str, may: bool) -> None:
        found = effect(
            f"##vso[task.setvariable variable={name}]v", Rules(settable_variables=allowed)
        )
        assert isinstance(found, e.SetVariable) is may


class TestDetails:
    def told(self, properties: str, data: str = "") -> e.LogDetail:
        found = effect(f"##vso[task.logdetail {properties}]{data}")
        assert isinstance(found, e.LogDetail)
        return found

    def test_a_record_is_made_then_changed(self) -> None:
        made = Details().with_detail(self.told(f"id={ID};name=n;type=build;order=2", "start"))
        assert not isinstance(made, e.CommandError)
        details, record = made
        assert (record.state, record.order) == (e.DetailState.IN_PROGRESS, 2)
        changed = details.with_detail(
            self.told(f"id={ID};state=completed;result=Failed;finishtime=2026-01-02T03:04:05Z")
        )
        assert not isinstance(changed, e.CommandError)
        record = changed[1]
        assert (record.name, record.operation, record.percent) == ("n", "start", 100)
        assert record.result is e.TaskResult.Failed
        assert record.finished_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert details.records[ID].result is None

    @pytest.mark.parametrize(
        ("properties", "reason"),
        [
            (f"id={ID};type=t", "'name' is required"),
            (f"id={ID};name=n", "'type' is required"),
            (f"id={ID};name=n;type=t;parentid={OTHER}", "created first"),
        ],
    )
    def test_a_new_record_needs(self, properties: str, reason: str) -> None:
        refused = Details().with_detail(self.told(properties))
        assert isinstance(refused, e.CommandError)
        assert reason in refused.message

    def test_a_record_keeps_its_parent(self) -> None:
        details = Details()
        for line in (f"id={ID};name=n;type=t", f"id={OTHER};name=m;type=t;parentid={ID}"):
            taken = details.with_detail(self.told(line))
            assert not isinstance(taken, e.CommandError)
            details = taken[0]
        assert isinstance(
            details.with_detail(self.told(f"id={ID};parentid={OTHER}")), e.CommandError
        )
        assert not isinstance(
            details.with_detail(self.told(f"id={OTHER};parentid={ID};progress=7")), e.CommandError
        )

    def test_what_cannot_be_read_counts_as_not_said(self) -> None:
        found = self.told(f"id={ID};order=x;progress=x;starttime=x;result=x;state=x")
        assert (found.order, found.percent, found.started_at) == (None, None, None)
        assert (found.result, found.state) == (e.TaskResult.Succeeded, e.DetailState.PENDING)
