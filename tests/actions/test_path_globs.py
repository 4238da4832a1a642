"""Patterns of paths as gitignore files hold them."""

import pytest

from quaymaster.actions.repositories.path_globs import matcher
from quaymaster.domain.errors import Invalid

PATHS = (
    "README.md",
    "shop/app.py",
    "shop/tests/test_app.py",
    "docs/shop/index.md",
    "libs/a/b/c.py",
    "shop.py",
)


@pytest.mark.parametrize(
    ("patterns", "chosen"),
    [
        ([], PATHS),
        (["# a comment", "  "], PATHS),
        (["shop"], ("shop/app.py", "shop/tests/test_app.py", "docs/shop/index.md")),
        (["/shop"], ("shop/app.py", "shop/tests/test_app.py")),
        (["shop/"], ("shop/app.py", "shop/tests/test_app.py", "docs/shop/index.md")),
        (["shop/**"], ("shop/app.py", "shop/tests/test_app.py")),
        (["**/*.py"], ("shop/app.py", "shop/tests/test_app.py", "libs/a/b/c.py", "shop.py")),
        (["*.py", "!tests/"], ("shop/app.py", "libs/a/b/c.py", "shop.py")),
        (["libs/**/c.py"], ("libs/a/b/c.py",)),
        (["libs/*/c.py"], ()),
        (["libs/?/[a-b]/c.*"], ("libs/a/b/c.py",)),
        (["README.[!x]d"], ("README.md",)),
        (["r*.md"], ()),
        (["!shop", "shop.py"], ("shop.py",)),
        ([r"shop\.py"], ("shop.py",)),
        (["(shop|docs)"], ()),
    ],
)
def test_the_last_pattern_that_fits_decides(patterns: list[str], chosen: tuple[str, ...]):
    is_chosen = matcher(patterns)
    assert tuple(path for path in PATHS if is_chosen(path)) == chosen


@pytest.mark.parametrize("patterns", [["/"], ["!/"], ["x" * 301], ["x"] * 201])
def test_patterns_that_cannot_be_read(patterns: list[str]):
    with pytest.raises(Invalid):
        matcher(patterns)


def test_no_pattern_takes_long():
    is_chosen = matcher(["*a" * 100 + "b", "**/" * 60 + "x"])
    assert not is_chosen("a" * 5000)
