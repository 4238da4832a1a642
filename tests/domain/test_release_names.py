"""Names of releases: tokens, the counter, and what makes a name unusable."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster.domain.date_formats import format_date
from quaymaster.domain.release_names import (
    Named,
    UnusableName,
    build_number,
    planned_name,
    release_name,
)
from quaymaster.domain.variables import Variable, VariableSet

NOON = datetime(2026, 11, 5, 12, 7, 3, tzinfo=UTC)
FACTS = Named(
    now=NOON,
    team_project="Shop",
    definition_name="CD",
    release_id=7,
    build_id=42,
    build_number="1.2",
    build_definition_name="CI",
    source_branch="refs/heads/features/x",
    artifact_type="Build",
    variables=VariableSet(
        [Variable("app", "web"), Variable("pw", "s", is_secret=True), Variable("odd", "$(rev:r)")]
    ),
)


def name(name_format: str, *existing: str) -> str:
    return release_name(name_format, FACTS, existing)


@pytest.mark.parametrize(
    ("name_format", "expected"),
    [
        ("", "Release-1"),
        ("$(System.TeamProject)-$(Release.DefinitionName)-$(RELEASE.releaseid)", "Shop-CD-7"),
        ("$(Build.BuildNumber) $(Build.DefinitionName) $(Build.SourceBranch)", "1.2 CI features/x"),
        ("$(Artifact.ArtifactType) $(APP) $(SourceBranchName)", "Build web x"),
        ("$(Date)", "110526"),
        ("$(date:dddd ddd d, MMMM y)", "Thursday Thu 5, November 26"),
        ("$(Date:hh h HH)", "12 12 12"),
        ("$(DayOfYear) $(Year:yy)", "309 26"),
        ("$(Release.ReleaseName) $(rev) $(rev:x) $(", "$(Release.ReleaseName) $(rev) $(rev:x) $("),
        ("$($(app)", "$(web"),
        ("$(odd)", "$(rev:r)"),
        ("v$(Rev:-rr.)x", "v-01.x"),
    ],
)
def test_tokens(name_format: str, expected: str) -> None:
    assert name(name_format) == expected


@pytest.mark.parametrize(
    ("name_format", "existing", "expected"),
    [
        ("R-$(rev:r)", ["R-1", "R-3"], "R-4"),
        ("R-$(rev:r)", ["r-9"], "R-10"),
        ("R-$(rev:rrr)", ["R-7", "R-099"], "R-100"),
        ("R-$(rev:r)", ["R-", "R-x", "R-1x", "xR-5", "R-\u0663"], "R-1"),
        ("R$(rev:r).1", ["R4.1", "R9.2"], "R5.1"),
        ("$(rev:r)-$(rev:rr)", ["3-03", "5-04", "7-7"], "4-04"),
        ("1$(rev:r)1", ["111", "1291", "11"], "1301"),
    ],
)
def test_the_counter_follows_the_highest_name_alike(
    name_format: str, existing: list[str], expected: str
) -> None:
    assert name(name_format, *existing) == expected


@pytest.mark.parametrize(
    ("name_format", "existing", "reason"),
    [
        ("fixed", ["FIXED"], "taken"),
        ("$(pw)", [], "secret variables may not be used in a release name"),
        ("x" * 257, [], "257 characters"),
        ("a\nb$(rev:r)", [], "with control characters"),
        ("a\u2028$(rev:r)", [], "with control characters"),
    ],
)
def test_a_format_that_gives_no_new_name(
    name_format: str, existing: list[str], reason: str
) -> None:
    with pytest.raises(UnusableName, match=reason):
        name(name_format, *existing)


def test_an_error_does_not_show_the_secret() -> None:
    with pytest.raises(UnusableName) as raised:
        release_name("$(pw)", Named(NOON, variables=secret("hunter2")), [])
    assert "hunter2" not in str(raised.value)


def secret(value: str) -> VariableSet:
    return VariableSet([Variable("pw", value, is_secret=True)])


def test_a_token_without_a_fact_stays_as_written() -> None:
    assert release_name("$(Build.BuildNumber)", Named(NOON), []) == "$(Build.BuildNumber)"


def test_a_plan_says_how_names_that_count_begin_and_end() -> None:
    planned = planned_name("$(app)-$(rev:.rr)!$(rev:r) end", FACTS)
    assert (planned.prefix, planned.suffix, planned.counters) == ("web-.", " end", 2)
    fixed = planned_name("fixed", FACTS)
    assert (fixed.prefix, fixed.suffix, fixed.counters) == ("fixed", "", 0)


class TestBuildNumbers:
    def test_a_blank_format_is_the_id(self) -> None:
        assert build_number(" ", FACTS, []) == "42"

    @pytest.mark.parametrize("bad", ["a/b", "a:b", 'a"b', "a*b", "1.0."])
    def test_some_characters_are_refused(self, bad: str) -> None:
        with pytest.raises(UnusableName, match="build number"):
            build_number(bad, FACTS, [])


def test_midnight_is_twelve_on_the_clock() -> None:
    midnight = datetime(2026, 1, 1, 0, 0, 0, tzinfo=UTC)
    assert format_date(midnight, "h hh H HH yyyyy") == "12 12 0 00 2026"


formats = st.lists(
    st.sampled_from(["$(rev:r)", "$(rev:rr)", "$(app)", "1", "-", "$(Date)", "$(", "ß"]),
    min_size=1,
    max_size=5,
).map("".join)


@settings(max_examples=200)
@given(formats, st.integers(min_value=1, max_value=12))
def test_names_in_a_row_never_repeat(name_format: str, count: int) -> None:
    names: list[str] = []
    if "$(rev:" not in name_format:
        count = 1
    for _ in range(count):
        names.append(release_name(name_format, FACTS, names))
    assert len({existing.upper() for existing in names}) == count


def name_or_none(name_format: str, existing: list[str]) -> str | None:
    try:
        return release_name(name_format, FACTS, existing)
    except UnusableName:
        return None


@settings(max_examples=200)
@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=5))
def test_any_format_gives_a_new_name_or_none(name_format: str, existing: list[str]) -> None:
    made = name_or_none(name_format, existing)
    assert made is None or made not in existing
    again = [*existing, made] if made is not None else existing
    assert name_or_none(name_format, again) != made or made is None
