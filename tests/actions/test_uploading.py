"""What of a folder a task uploads, and what of it is told about instead."""

import os
from pathlib import Path

import pytest

from quaymaster.actions.jobs import uploading
from quaymaster.domain.errors import Invalid
from quaymaster.store.builds.containers import LARGEST_FILE


def test_regular_files_are_found_in_order_with_their_paths_below(tmp_path: Path):
    (tmp_path / "b").mkdir()
    for name in ("z.txt", "a.txt", "b/c.txt"):
        (tmp_path / name).write_text(name)
    found = uploading.found_at(tmp_path)
    assert [below for _, below in found.files] == ["a.txt", "z.txt", "b/c.txt"]
    assert found.warning("drop") == ""


def test_links_to_folders_pipes_and_undecodable_names_are_named_once(tmp_path: Path):
    (tmp_path / "b").mkdir()
    (tmp_path / "to-b").symlink_to("b")
    os.mkfifo(os.fsencode(tmp_path) + b"/p\xff")
    found = uploading.found_at(tmp_path)
    assert found.files == []
    assert found.left_out == [r"'p\udcff', a named pipe", "'to-b', a symbolic link"]


def test_of_many_entries_left_out_the_first_few_are_named(tmp_path: Path):
    for number in range(8):
        (tmp_path / f"l{number}").symlink_to("nowhere")
    told = uploading.found_at(tmp_path).warning("drop")
    assert "Left out of drop: 8 ('l0', a symbolic link, " in told
    assert "'l4', a symbolic link, …)" in told


async def test_a_file_that_has_become_a_pipe_is_refused_and_blocks_nobody(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Invalid, match="not a regular file any more"):
        await anext(uploading.blocks(tmp_path / "pipe"))


async def test_a_file_that_is_larger_than_any_may_be_is_refused_unread(tmp_path: Path):
    (tmp_path / "holes").touch()
    os.truncate(tmp_path / "holes", LARGEST_FILE + 1)
    with pytest.raises(Invalid, match="the most of a file"):
        await anext(uploading.blocks(tmp_path / "holes"))


def test_a_place_that_is_no_file_and_no_folder_is_refused():
    with pytest.raises(Invalid, match="/dev/null is a device"):
        uploading.found_at(Path("/dev/null"))
