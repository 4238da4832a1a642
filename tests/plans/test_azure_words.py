"""The words of definition documents, read from either dialect (CONTRACT A.5)."""

import json

import pytest

from quaymaster.plans.azure_words import (
    APPROVAL_ORDER,
    CONDITION_TYPE,
    DEFINITION_SOURCE,
    ENVIRONMENT_STATUS,
    ENVIRONMENT_TRIGGER_TYPE,
    PARALLEL_EXECUTION,
    PHASE_TYPE,
    PROCESS_TYPE,
    PULL_REQUEST_SYSTEM,
    SCHEDULE_DAYS,
    TRIGGER_TYPE,
)
from tests.vectors import shared_folder

PUBLISHED = shared_folder() / "contract" / "azure" / "enums.json"
OF_DEFINITIONS = (
    DEFINITION_SOURCE,
    PHASE_TYPE,
    PARALLEL_EXECUTION,
    CONDITION_TYPE,
    ENVIRONMENT_STATUS,
    APPROVAL_ORDER,
    TRIGGER_TYPE,
    ENVIRONMENT_TRIGGER_TYPE,
    SCHEDULE_DAYS,
    PULL_REQUEST_SYSTEM,
    PROCESS_TYPE,
)


@pytest.mark.parametrize("written", [1, "1", " 1 ", "agentBasedDeployment", "AGENTBASEDDEPLOYMENT"])
def test_a_word_is_read_from_number_digits_and_any_case(written):
    assert PHASE_TYPE.word(written) == "agentBasedDeployment"
    assert PHASE_TYPE.number(written) == 1


@pytest.mark.parametrize("written", ["monday,Wednesday", "wednesday, MONDAY", 5, "5"])
def test_flags_are_joined_by_comma(written):
    assert SCHEDULE_DAYS.number(written) == 5
    assert SCHEDULE_DAYS.word(written) == "monday, wednesday"


def test_a_mask_with_a_name_of_its_own_is_called_by_it():
    assert SCHEDULE_DAYS.word(127) == "all"
    assert SCHEDULE_DAYS.word(0) == "none"


def test_the_words_of_a_mask_are_its_single_bits():
    assert list(ENVIRONMENT_STATUS.words_in(132)) == ["succeeded", "partiallySucceeded"]


@pytest.mark.parametrize("written", ["agent", 3, -1, 2**70, "9" * 30, 1.5, True, None, [], "1,2"])
def test_anything_else_is_refused_with_what_is_allowed(written):
    with pytest.raises(ValueError, match=r"use one of undefined \(0\), agentBasedDeployment"):
        PHASE_TYPE.number(written)


def test_a_mask_with_unknown_bits_is_refused():
    with pytest.raises(ValueError, match="256 is no EnvironmentStatus"):
        ENVIRONMENT_STATUS.number("256")


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"no {PUBLISHED}")
@pytest.mark.parametrize("words", OF_DEFINITIONS, ids=lambda words: words.name)
def test_the_tables_are_the_published_ones(words):
    published = json.loads(PUBLISHED.read_text())
    tables = published["nodeEnums"]["release"]
    assert (
        dict(words.numbers) == tables.get(words.name)
        or (published["swaggerEnums"][words.name]["ints"])
    )
