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


def test_what_a_killed_worker_left_is_removed_when_its_slot_is_taken(tmp_path: Path) -> None:
    left = tmp_path / "work" / "1" / "_temp"
    left.mkdir(parents=True)
    (left / "deploy.sh").write_text("curl -H 'X-Key: s3cret'")
    (tmp_path / "work" / "1" / "kept").write_text("")
    with slots.held(tmp_path, 1) as [slot]:
        assert list(left.iterdir()) == []
        (left / "of-a-job").write_text("")
        with slots.held(tmp_path, 1) as [other]:
            assert other.number == 2
        assert [one.name for one in left.iterdir()] == ["of-a-job"]
        assert (slot.directory / "kept").exists()


def test_a_home_that_cannot_be_used_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("not a directory")
    refused = pytest.raises(Invalid, match=r"Jobs cannot work in .*: File exists\. Choose another")
    with refused, slots.held(tmp_path, 1):
        pass
