"""A slot's work directory belongs to one worker at a time."""

from pathlib import Path

import pytest

from quaymaster.domain.errors import Invalid
from quaymaster.worker import slots


def test_the_lowest_free_slots_are_taken(tmp_path: Path) -> None:
    with slots.held(tmp_path, 2) as first:
        assert [slot.number for slot in first] == [1, 2]
        with slots.held(tmp_path, 2) as second:
            assert [slot.number for slot in second] == [3, 4]
        with slots.held(tmp_path, 1) as again:
            assert [slot.number for slot in again] == [3]


def test_a_slot_tells_its_place() -> None:
    slot = slots.Slot(3, Path("/somewhere/3"))
    place = slot.place("builder", 7)
    assert (place.work_directory, place.agent_name, place.agent_id) == (
        "/somewhere/3",
        "builder-3",
        7,
    )


def test_a_home_that_cannot_be_used_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("not a directory")
    refused = pytest.raises(Invalid, match=r"Jobs cannot work in .*: File exists\. Choose another")
    with refused, slots.held(tmp_path, 1):
        pass
