"""Secret variables go in and never come out (CONTRACT A.5, SEMANTICS 1.3)."""

import json

import pytest

from quaymaster.plans.azure_secrets import split_secrets

OLD = {"variables/Password": "old", "environments/5/variables/Key": "old key"}


def split(variables, previous=OLD):
    return split_secrets({"variables": variables}, previous)


def test_a_secret_is_taken_out():
    document, secrets = split({"Password": {"value": "s3cret", "isSecret": True}}, {})
    assert document == {"variables": {"Password": {"value": None, "isSecret": True}}}
    assert secrets == {"variables/Password": "s3cret"}


@pytest.mark.parametrize(
    "variable",
    [
        {"isSecret": True},
        {"isSecret": True, "value": None},
        {"isSecret": True, "value": ""},
        {"isSecret": True, "value": "***"},
        {"isSecret": True, "value": "********"},
    ],
)
def test_no_value_keeps_the_stored_secret(variable):
    document, secrets = split({"Password": variable})
    assert secrets == {"variables/Password": "old"}
    assert document["variables"]["Password"] == {"isSecret": True, "value": None}


def test_a_text_replaces_the_stored_secret():
    assert split({"Password": {"isSecret": True, "value": "new"}})[1] == {
        "variables/Password": "new"
    }


def test_a_stored_secret_is_found_in_any_case():
    assert split({"PASSWORD": {"isSecret": True}})[1] == {"variables/PASSWORD": "old"}


def test_a_variable_that_is_no_secret_any_more_loses_it():
    document, secrets = split({"Password": {"isSecret": False}})
    assert secrets == {}
    assert document["variables"]["Password"] == {"isSecret": False}


def test_a_removed_variable_loses_its_secret():
    assert split({})[1] == {}


def test_a_new_secret_without_a_value_has_none():
    assert split({"Other": {"isSecret": True, "value": None}})[1] == {}


def test_the_secrets_of_a_stage_are_its_own():
    document = {
        "environments": [
            {"id": 5, "variables": {"Key": {"isSecret": True}}},
            {"id": 6, "variables": {"Key": {"isSecret": True, "value": "other"}}},
        ]
    }
    plain, secrets = split_secrets(document, OLD)
    assert secrets == {
        "environments/5/variables/Key": "old key",
        "environments/6/variables/Key": "other",
    }
    assert "other" not in json.dumps(plain)


@pytest.mark.parametrize("odd", ["yes", 1, [], {}, "true"])
def test_what_may_mean_secret_is_kept_secret(odd):
    document, secrets = split({"Password": {"value": "s3cret", "isSecret": odd}})
    assert "s3cret" not in json.dumps(document)
    assert secrets == {"variables/Password": "s3cret"}


def test_a_secret_that_is_no_text_is_not_shown_either():
    document, secrets = split({"Password": {"value": {"deep": "s3cret"}, "isSecret": True}}, {})
    assert "s3cret" not in json.dumps(document)
    assert secrets == {}


def test_what_is_given_is_not_changed():
    given = {"variables": {"Password": {"value": "s3cret", "isSecret": True}}}
    split_secrets(given, {})
    assert given["variables"]["Password"]["value"] == "s3cret"


@pytest.mark.parametrize(
    "document", [{}, {"variables": None, "environments": 5}, {"variables": []}]
)
def test_a_document_without_variables_has_no_secrets(document):
    assert split_secrets(document, OLD) == (document, {})
