"""The directories of a job, and names that must stay inside them (SEMANTICS 17.6, R-10)."""

from pathlib import Path

import pytest

from quaymaster.runner import workspace
from quaymaster.runner.containment import contained, link_stays_inside, safe_parts


def test_each_definition_keeps_its_number(tmp_path: Path) -> None:
    numbers = [
        workspace.choose(str(tmp_path), key, "release").base.name
        for key in ("p/1", "p/2", "p/1", "q/1")
    ]
    assert numbers == ["r1", "r2", "r1", "r3"]


def test_builds_and_releases_have_directories_of_their_own(tmp_path: Path) -> None:
    release = workspace.choose(str(tmp_path), "p/1", "release")
    build = workspace.choose(str(tmp_path), "p/1", "build")
    assert release.artifacts == tmp_path / "r1" / "a"
    assert build.artifacts == tmp_path / "2" / "s"


@pytest.mark.parametrize("junk", ["", "{", "[]", '{"release:p/1": "x"}'])
def test_a_lost_memory_never_gives_a_used_directory_away(tmp_path: Path, junk: str) -> None:
    (tmp_path / "r4").mkdir()
    (tmp_path / "workspaces.json").write_text(junk)
    assert workspace.choose(str(tmp_path), "p/1", "release").number == 5


def test_emptying_removes_links_and_what_is_write_protected(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    inside = tmp_path / "inside"
    (inside / "locked").mkdir(parents=True)
    (inside / "locked" / "file").write_text("x")
    (inside / "locked").chmod(0o500)
    (inside / "link").symlink_to(outside)
    workspace.empty(inside)
    assert list(inside.iterdir()) == []
    assert (outside / "kept").exists()


def test_a_directory_that_is_a_link_is_replaced(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    (tmp_path / "a").symlink_to(outside)
    workspace.empty(tmp_path / "a")
    assert (outside / "kept").exists()
    assert not (tmp_path / "a").is_symlink()


@pytest.mark.parametrize(
    "name", ["", "..", "a/../b", "/a", "a\0b", "a\\b", "C:/x", "c:", "../a", "a/.."]
)
def test_names_that_would_leave_are_refused(tmp_path: Path, name: str) -> None:
    assert safe_parts(name) is None
    assert contained(tmp_path, name) is None


def test_names_that_stay_are_taken_apart(tmp_path: Path) -> None:
    assert safe_parts("./a//b c/..d") == ("a", "b c", "..d")
    assert contained(tmp_path, "_My app") == tmp_path.resolve() / "_My app"


def test_a_link_in_the_way_does_not_lead_out(tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to("/etc")
    assert contained(tmp_path, "alias/passwd") is None


@pytest.mark.parametrize(
    ("name", "target", "stays"),
    [
        ("a", "b", True),
        ("d/a", "../b", True),
        ("d/e/a", "../../b/c", True),
        ("a", "../b", False),
        ("d/a", "../../b", False),
        ("a", "/etc", False),
        ("a", "b/../../c", False),
        ("d/a", "b/../c", False),  # b may be a link itself
        ("a", "", False),
        ("a", "b\0c", False),
    ],
)
def test_links_are_judged_without_looking_at_the_disk(name: str, target: str, stays: bool) -> None:
    assert link_stays_inside(name, target) is stays
