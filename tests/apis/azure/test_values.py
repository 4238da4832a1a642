"""Dates, numbers, enums and properties as the contract writes and reads them (CONTRACT A.5)."""

import json
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster.apis.azure import negotiation, values, words
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.shared.query import read
from quaymaster.domain import statuses
from quaymaster.domain.release import Side
from quaymaster.domain.statuses import ReportedStatus
from tests.vectors import shared_folder

MARCH = datetime(2024, 3, 15, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [
        (0, "2024-03-15T10:00:00Z"),
        (860_000, "2024-03-15T10:00:00.86Z"),
        (300_000, "2024-03-15T10:00:00.3Z"),
        (53_999, "2024-03-15T10:00:00.053Z"),
        (999, "2024-03-15T10:00:00Z"),
    ],
)
def test_dates_go_out_with_at_most_three_decimals_and_no_zeros_at_the_end(microsecond, text):
    assert values.date_out(MARCH.replace(microsecond=microsecond)) == text


def test_dates_go_out_in_utc():
    there = timezone(timedelta(hours=2))
    assert values.date_out(MARCH.astimezone(there)) == "2024-03-15T10:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-15T10:00:00Z",
        "2024-03-15T10:00:00.000Z",
        "2024-03-15T10:00:00.0000000Z",
        "2024-03-15T12:00:00+02:00",
        "2024-03-15T10:00:00",
        "2024-03-15 10:00",
        "Fri, 15 Mar 2024 10:00:00 GMT",
        "03/15/2024 10:00:00",
        "03/15/2024 10:00:00 AM",
    ],
)
def test_dates_come_in_as_every_client_writes_them(text):
    assert values.date_in(text, "minCreatedTime") == MARCH


def test_a_day_is_its_midnight_and_the_year_one_is_no_date():
    assert values.date_in("2024-03-15", "x") == MARCH.replace(hour=0)
    assert values.date_in("03/15/2024", "x") == MARCH.replace(hour=0)
    assert values.date_in("0001-01-01T00:00:00", "x") is None
    assert values.date_in("", "x") is None


@given(st.text(max_size=40))
def test_any_other_text_is_a_problem_that_names_the_parameter(text):
    try:
        found = values.date_in(text, "minCreatedTime")
    except Problem as problem:
        said = problem.message
    else:
        said = "minCreatedTime"
        assert found is None or found.tzinfo is UTC
    assert "minCreatedTime" in said


@pytest.mark.parametrize("given_as", ["pending", "PENDING", "1", 1])
def test_enums_come_in_as_name_in_any_case_or_number(given_as):
    assert words.APPROVAL_STATUS.read(given_as, "statusFilter") == "pending"


@pytest.mark.parametrize("given_as", ["pendin", "99", -1, True, None, "", "1 1", "\u0661"])
def test_anything_else_is_a_problem_that_lists_the_choices(given_as):
    with pytest.raises(Problem) as problem:
        words.APPROVAL_STATUS.read(given_as, "statusFilter")
    assert "pending" in problem.value.message


def test_flags_come_joined_repeated_or_as_a_number():
    bits = words.RELEASE_EXPANDS.bits
    assert bits(["environments,artifacts"], "$expand") == 6
    assert bits(["environments", "Artifacts"], "$expand") == 6
    assert bits(["6"], "$expand") == 6
    assert bits(["all"], "$expand") == 126
    assert words.RELEASE_EXPANDS.names(6) == {"environments", "artifacts"}
    with pytest.raises(Problem):
        bits(["environments,nonsense"], "$expand")


STATUSES: list[StrEnum] = [
    member
    for enum in (*vars(statuses).values(), Side)
    if isinstance(enum, type)
    and issubclass(enum, StrEnum)
    and enum not in (StrEnum, ReportedStatus)  # that one is another dialect's
    for member in enum
]


@pytest.mark.parametrize("status", STATUSES, ids=lambda status: f"{type(status).__name__}.{status}")
def test_every_status_of_the_domain_has_a_published_word(status):
    assert words.word(status)


def test_only_the_operation_status_goes_out_in_pascal_case():
    assert words.operation_word("phaseFailed") == "PhaseFailed"
    assert words.word(statuses.StageStatus.IN_PROGRESS) == "inProgress"


def test_vector_the_words_and_numbers_are_the_published_ones():
    path = shared_folder() / "contract" / "azure" / "enums.json"
    if not path.exists():
        pytest.skip(f"there is no {path}")
    published = json.loads(path.read_text("utf-8"))["swaggerEnums"]
    ours = [value for value in vars(words).values() if isinstance(value, words.Words)]
    assert len(ours) > 10
    for table in ours:
        found = published[table.name]
        assert set(found["swagger"]) <= {*table.numbers, *table.also.values()}, table.name
        ints = found["ints"] or {}  # the published description has no numbers for some
        assert {**ints, **table.numbers} == table.numbers, table.name


def test_properties_go_out_with_their_type_and_come_in_with_or_without():
    sent = values.properties_out({"a": "text", "b": True, "c": 3})
    assert sent["a"] == {"$type": "System.String", "$value": "text"}
    assert sent["b"]["$type"] == "System.Boolean"
    assert values.properties_in({**sent, "d": "plain"}) == {
        "a": "text",
        "b": True,
        "c": 3,
        "d": "plain",
    }


@pytest.mark.parametrize(
    ("text", "number", "era"),
    [
        ("7.1", (7, 1), "v5+"),
        ("7.1-preview", (7, 1), "v5+"),
        ("7.1-preview.8", (7, 1), "v5+"),
        ("7.2-PREVIEW.9", (7, 2), "v5+"),
        ("5.0", (5, 0), "v5+"),
        ("7", (7, 0), "v5+"),
        ("4.1-preview.3", (4, 1), "v4"),
        ("3.0-preview.1", (3, 0), "legacy"),
        ("2.2-preview.1", (2, 2), "legacy"),
        ("1.0", (1, 0), "legacy"),
    ],
)
def test_versions_of_ten_years_are_understood(text, number, era):
    version = negotiation.parsed(text)
    assert (version.number, version.era, version.text) == (number, era, text.lower())


@pytest.mark.parametrize("text", ["9.0", "7.3", "0.9", "x", "7.1-beta", "7.1.1", "7.1-preview.x"])
def test_other_versions_are_refused_with_a_sentence(text):
    with pytest.raises(Problem) as problem:
        negotiation.parsed(text)
    assert problem.value.status == 400


def test_the_query_wins_over_accept_and_accept_over_content_type():
    def asked(query: str, accept: str = "", kind: str = "") -> str:
        return negotiation.asked(read(query.encode()), accept, kind).text

    accept = "application/json; api-version=5.0-preview.1; charset=utf-8"
    kind = "application/json;api-version=4.1-preview.3"
    assert asked("API-Version=7.0", accept, kind) == "7.0"
    assert asked("", accept, kind) == "5.0-preview.1"
    assert asked("", "application/json", kind) == "4.1-preview.3"
    assert asked("") == "7.1"


@pytest.mark.parametrize("said", [0, 1.5, True, [], {}])
def test_a_date_that_is_no_text_is_refused(said):
    with pytest.raises(Problem, match="scheduledDeploymentTime"):
        values.date_in(said, "scheduledDeploymentTime")


@pytest.mark.parametrize("text", ["٧.١", "7.1-preview.١", "７.1"])  # noqa: RUF001 - meant so
def test_digits_of_other_scripts_make_no_version(text):
    with pytest.raises(Problem, match="is not a version"):
        negotiation.parsed(text)
