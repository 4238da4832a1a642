"""Paths, queries, credentials and scopes before any contract looks at them (R-03, A.1, A.3)."""

import asyncio
import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.apis.shared import credentials, paths, query, remembering
from quaymaster.apis.shared.refusals import BadRequest, NoSuchRoute, Refusal
from quaymaster.apis.shared.remembering import ShortMemory
from quaymaster.apis.shared.scopes import Scope, allows


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"/a/b", ("a", "b")),
        (b"/a/b/", ("a", "b")),
        (b"/", ()),
        (b"/My%20Project/x", ("My Project", "x")),
        (b"/tags/a%2Fb", ("tags", "a/b")),
        (b"/folders/%5CWeb%5CShop", ("folders", "\\Web\\Shop")),
        (b"/%C3%A9", ("é",)),
    ],
)
def test_a_path_is_split_before_it_is_decoded(raw, parts):
    assert paths.parts(raw) == parts


@pytest.mark.parametrize(
    "raw", [b"/a//b", b"/a/./b", b"/a/../b", b"/a/%2e%2e/b", b"/a/%2E/b", b"/a//"]
)
def test_empty_and_relative_parts_lead_nowhere(raw):
    with pytest.raises(NoSuchRoute):
        paths.parts(raw)


@pytest.mark.parametrize("raw", [b"/a%00", b"/a%0d%0a", b"/%c0%ae", b"/%ff", b"/" + b"a" * 9000])
def test_what_can_be_read_in_two_ways_is_refused(raw):
    with pytest.raises(BadRequest):
        paths.parts(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_parts_or_a_refusal(raw):
    try:
        found = paths.parts(b"/" + raw)
    except Refusal:
        return
    assert all(part.strip() and part not in (".", "..") for part in found)


def test_parameter_names_ignore_case_dollar_and_encoding():
    read = query.read(b"%24top=5&$Expand=a&QUERYORDER=x%20y&tag=1&tag=2&empty=")
    assert read.text("top") == "5"
    assert read.text("expand") == "a"
    assert read.text("queryOrder") == "x y"
    assert read.all("tag") == ["1", "2"]
    assert read.has("empty")
    assert not read.has("other")


@pytest.mark.parametrize("raw", [b"a=%ff", b"a=%00", b"&".join([b"a=1"] * 201)])
def test_bad_queries_are_refused(raw):
    with pytest.raises(BadRequest):
        query.read(raw)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (basic(":secret"), ("secret",)),
        (basic("PAT:secret"), ("secret", "PAT")),
        (basic("secret:"), ("secret",)),
        (basic("me:with:colon"), ("with:colon", "me")),
        ("bearer secret", ("secret",)),
        ("Basic not-base64!", ()),
        ("Basic", ()),
        ("Digest x", ()),
        ("", ()),
    ],
)
def test_the_token_is_found_wherever_scripts_put_it(header, found):
    assert credentials.tokens(header) == found


def test_wider_scopes_hold_narrower_ones_and_never_the_other_way_round():
    assert allows(frozenset({"vso.release_manage"}), Scope.RELEASE)
    assert allows(frozenset({"vso.release_execute"}), Scope.RELEASE)
    assert not allows(frozenset({"vso.release"}), Scope.RELEASE_EXECUTE)
    assert not allows(frozenset({"vso.release_execute"}), Scope.RELEASE_MANAGE)
    assert not allows(frozenset({"vso.build_execute"}), Scope.RELEASE)
    assert not allows(frozenset({"made.up"}), Scope.PROJECT)
    assert allows(frozenset({"vso.full"}), Scope.RELEASE_MANAGE)


async def test_what_was_not_found_is_asked_for_again_and_what_was_is_kept_a_moment():
    asked = []

    async def find(answer: str | None) -> str | None:
        asked.append(answer)
        return answer

    memory: ShortMemory[str, str] = ShortMemory(seconds=1000)
    assert await memory.get("a", lambda: find(None)) is None
    assert await memory.get("a", lambda: find("found")) == "found"
    assert await memory.get("a", lambda: find("other")) == "found"
    assert asked == [None, "found"]
    forgetful: ShortMemory[str, str] = ShortMemory(seconds=0)
    assert await forgetful.get("a", lambda: find("one")) == "one"
    assert await forgetful.get("a", lambda: find("two")) == "two"


async def test_what_is_asked_for_all_the_time_is_looked_for_before_it_is_forgotten(monkeypatch):
    clock, asked = [0.0], []
    monkeypatch.setattr(remembering, "monotonic", lambda: clock[0])

    async def find() -> str | None:
        asked.append(clock[0])
        return "gone" if clock[0] > 10 else None if clock[0] > 2 else str(clock[0])

    memory: ShortMemory[str, str] = ShortMemory(seconds=2.0)
    assert await memory.get("a", find) == "0.0"
    clock[0] = 0.9
    assert await memory.get("a", find) == "0.0"
    clock[0] = 1.5
    assert [await memory.get("a", find) for _ in range(2)] == ["0.0", "0.0"]
    await asyncio.gather(*memory._sought.values())
    await asyncio.sleep(0)
    assert asked == [0.0, 1.5]
    assert await memory.get("a", find) == "1.5"
    clock[0] = 2.6  # revoked meanwhile: the one who asks may still be served, the next is not
    assert await memory.get("a", find) == "1.5"
    await asyncio.gather(*memory._sought.values())
    await asyncio.sleep(0)
    assert await memory.get("a", find) is None
    clock[0] = 11.0
    assert await memory.get("a", find) == "gone"
