"""Which pushes build: branches, paths, and the names of a repository (issue 4.3)."""

import pytest

from quaymaster.domain.build_triggers import admits_branch, admits_paths, named_branches
from quaymaster.domain.pushes import id_key, named_key, repository_key


@pytest.mark.parametrize(
    ("filters", "ref", "expected"),
    [
        ((), "refs/heads/main", True),
        ((), "refs/tags/v1", False),
        (("+refs/heads/*",), "refs/tags/v1", False),
        (("+refs/heads/main",), "refs/heads/main", True),
        (("main",), "refs/heads/main", True),
        (("+main",), "refs/heads/topic", False),
        (("+refs/heads/*", "-refs/heads/wip/*"), "refs/heads/wip/x", False),
        (("+refs/heads/*", "-refs/heads/wip/*"), "refs/heads/x", True),
        (("-wip/*",), "refs/heads/x", True),
        (("-wip/*",), "refs/tags/x", False),
        (("+refs/tags/v*",), "refs/tags/v1", True),
    ],
)
def test_branches(filters: tuple[str, ...], ref: str, expected: bool) -> None:
    assert admits_branch(filters, ref) is expected


@pytest.mark.parametrize(
    ("filters", "paths", "expected"),
    [
        ((), ("a",), True),
        (("+/src",), ("src/a.py",), True),
        (("+/src",), ("source/a.py",), False),
        (("+/src", "-/src/docs"), ("src/docs/a.md",), False),
        (("+/src", "-/src/docs"), ("src/docs/a.md", "src/b.py"), True),
        (("-/docs",), ("docs/a.md",), False),
        (("-/docs",), ("a.py",), True),
        (("-*.md",), ("docs/a.md",), False),
        (("+/src",), None, True),
        (("+/src",), (), False),
    ],
)
def test_paths(filters: tuple[str, ...], paths: tuple[str, ...] | None, expected: bool) -> None:
    assert admits_paths(filters, paths) is expected


def test_schedules_build_the_branches_that_are_named() -> None:
    assert named_branches(("+main", "-x", "refs/heads/rel", "+f/*")) == (
        "refs/heads/main",
        "refs/heads/rel",
    )


@pytest.mark.parametrize(
    "text",
    [
        "https://git.example/Acme/Shop.git",
        "https://user:secret@git.example:8443/acme/shop",
        "ssh://git@git.example/acme/shop.git",
        "git@git.example:acme/shop.git",
    ],
)
def test_a_repository_has_one_name_however_it_is_addressed(text: str) -> None:
    assert repository_key(text) == "git.example/acme/shop"


def test_paths_and_short_names_are_names_too() -> None:
    assert repository_key("/srv/Shop.git/") == repository_key("file:///srv/Shop.git") == "/srv/Shop"
    assert named_key("GitHub", "acme/shop") == "github.com/acme/shop"
    assert named_key("GitHub", "a/b", "https://api.ghe.example") == "ghe.example/a/b"
    assert (
        repository_key("shop") == named_key("Git", "acme/shop") == repository_key("http://[") == ""
    )
    guid = "4BC14D40-c903-45e2-872e-0462c7748079"
    assert id_key(guid) == f"id:{guid.lower()}"
    assert id_key("shop") == ""
