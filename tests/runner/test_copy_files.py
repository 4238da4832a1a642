"""CopyFiles@2: patterns, what is kept and what is replaced."""

import os
from pathlib import Path

import pytest

from quaymaster.runner.tasks.call import TaskFailed
from quaymaster.runner.tasks.patterns import matching
from tests.runner.call import handle, plant, tree
from tests.runner.make import COPY_FILES

FILES = [
    "a.txt", "b.md", ".hidden", "src/main.c", "src/lib/util.c", "src/lib/util.h",
    "src/lib/deep/x.c", "docs/a b.txt", "docs/[1].txt", "bin/app",
]  # fmt: skip


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ("**", FILES),
        ("*", ["a.txt", "b.md", ".hidden"]),
        ("*.txt", ["a.txt"]),
        ("**/*.c", ["src/main.c", "src/lib/util.c", "src/lib/deep/x.c"]),
        ("src/*", ["src/main.c"]),
        ("src/**", [f for f in FILES if f.startswith("src/")]),
        ("src/**/*.c", ["src/main.c", "src/lib/util.c", "src/lib/deep/x.c"]),
        ("./a.txt", ["a.txt"]),
        ("**\n!src/**", [f for f in FILES if not f.startswith("src/")]),
        ("**/*.c\n!src/lib/**\nsrc/lib/deep/**", ["src/main.c", "src/lib/deep/x.c"]),
        ("!!a.txt", ["a.txt"]),
        ("# a comment\na.txt", ["a.txt"]),
        ("?.txt", ["a.txt"]),
        ("[ab].*", ["a.txt", "b.md"]),
        ("[!a].*", ["b.md"]),
        ("@(a|b).@(txt|md)", ["a.txt", "b.md"]),
        ("docs/[[]1].txt", ["docs/[1].txt"]),
        ("docs/a b.txt", ["docs/a b.txt"]),
        ("/home-of/src/*", ["src/main.c"]),
        ("../*", []),
        ("nothing", []),
        ("{a,b}.txt", []),
    ],
)
def test_patterns_choose_as_the_published_task_does(patterns: str, chosen: list[str]) -> None:
    assert matching(FILES, patterns.splitlines(), "/home-of") == chosen


def test_a_pattern_made_to_take_long_does_not() -> None:
    pattern = "*a" * 40 + "b"
    assert matching(["a" * 250] * 200, [pattern]) == []


@pytest.mark.parametrize("pattern", ["!(a).txt", "/elsewhere/*"])
def test_patterns_that_are_not_supported_say_so(pattern: str) -> None:
    with pytest.raises(TaskFailed):
        matching(FILES, [f"src/{pattern}" if pattern[0] == "!" else pattern], "/home-of")


async def test_files_are_copied_with_their_folders(tmp_path: Path) -> None:
    source = plant(tmp_path / "a", "x/one.txt", "x/y/two.txt", "three.md")
    target = tmp_path / "www"
    lines = await handle(
        COPY_FILES, "2.*", source, SourceFolder=str(source), Contents="**/*.txt",
        TargetFolder=str(target),
    )  # fmt: skip
    assert tree(target) == ["x/one.txt", "x/y/two.txt"]
    assert "found 2 files" in lines


async def test_existing_files_are_kept_unless_they_may_be_replaced(tmp_path: Path) -> None:
    source = plant(tmp_path / "a", "f")
    target = tmp_path / "t"
    target.mkdir()
    (target / "f").write_text("old")
    await handle(COPY_FILES, "2.*", source, TargetFolder=str(target))
    assert (target / "f").read_text() == "old"
    await handle(COPY_FILES, "2.*", source, TargetFolder=str(target), OverWrite="true")
    assert (target / "f").read_text() == "f"


async def test_a_target_can_be_cleaned_first(tmp_path: Path) -> None:
    source, target = plant(tmp_path / "a", "f"), plant(tmp_path / "t", "old/x", "y")
    await handle(COPY_FILES, "2.*", source, TargetFolder=str(target), CleanTargetFolder="true")
    assert tree(target) == ["f"]


async def test_folders_can_be_flattened_and_times_kept(tmp_path: Path) -> None:
    source, target = plant(tmp_path / "a", "x/y/f"), tmp_path / "t"
    os.utime(source / "x/y/f", (1, 1))
    await handle(
        COPY_FILES, "2.*", source, TargetFolder=str(target), flattenFolders="true",
        preserveTimestamp="true",
    )  # fmt: skip
    assert tree(target) == ["f"]
    assert (target / "f").stat().st_mtime == 1


async def test_links_that_lead_out_of_the_source_are_left_out(tmp_path: Path) -> None:
    source, target = plant(tmp_path / "a", "real"), tmp_path / "t"
    (source / "inside").symlink_to("real")
    (source / "outside").symlink_to("/etc/passwd")
    (source / "folder").symlink_to("/etc")
    lines = await handle(COPY_FILES, "2.*", source, TargetFolder=str(target))
    assert tree(target) == ["inside", "real"]
    assert sum("leads out of" in line for line in lines) == 2


async def test_nothing_is_written_through_a_link_in_the_target(tmp_path: Path) -> None:
    source, target = plant(tmp_path / "a", "f"), tmp_path / "t"
    target.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (target / "f").symlink_to(victim)
    await handle(COPY_FILES, "2.*", source, TargetFolder=str(target), OverWrite="true")
    assert victim.read_text() == "untouched"
    assert (target / "f").read_text() == "f"


async def test_a_missing_source_and_a_missing_target_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskFailed, match="Not found SourceFolder: /no/where"):
        await handle(COPY_FILES, "2.*", tmp_path, SourceFolder="/no/where", TargetFolder="t")
    with pytest.raises(TaskFailed, match="Input required: TargetFolder"):
        await handle(COPY_FILES, "2.*", plant(tmp_path / "a", "f"))
