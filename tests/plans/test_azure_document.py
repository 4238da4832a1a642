"""What is kept of a definition document, and that it comes back as it was given out."""

import copy

import pytest

from quaymaster.domain.errors import Invalid
from quaymaster.plans.azure_document import (
    MOST_DEPTH,
    carried_over,
    identity_of,
    name_of,
    normalised,
    path_of,
    people_in,
    stage_count,
    summary_of,
    tags_of,
)
from tests import documents

ALICE = "1a2b3c4d-0000-4000-8000-000000000001"


def given_out(stored):
    """The stored document as an API shows it: with all that the server adds."""
    shown = copy.deepcopy(stored)
    person = {"id": ALICE, "displayName": "Alice", "uniqueName": "alice@example.org"}
    shown.update(
        id=7,
        revision=4,
        createdBy=person,
        createdOn="2026-03-02T09:00:00Z",
        modifiedBy=person,
        modifiedOn="2026-03-02T09:00:00Z",
        isDeleted=False,
        lastRelease=None,
        projectReference=None,
        url="https://example.org/_apis/Release/definitions/7",
        _links={"self": {"href": "https://example.org"}},
    )
    for stage in shown["environments"]:
        stage["currentRelease"] = {"id": 3, "url": "https://example.org"}
        stage["badgeUrl"] = "https://example.org/badge"
        for side in ("preDeployApprovals", "postDeployApprovals"):
            for step in stage[side]["approvals"]:
                if step.get("approver"):
                    step["approver"] = {
                        **step["approver"],
                        "displayName": "Somebody",
                        "_links": {"avatar": {"href": "https://example.org"}},
                    }
    return shown


def rich_document():
    return documents.outlined(
        "Dev → QA",
        approvals={"QA": [ALICE]},
        artifacts=[documents.build_artifact()],
        triggers=[documents.artifact_trigger()],
        variables={"Url": documents.variable("x", settable=True)},
        properties={"Team": {"$type": "System.String", "$value": "web"}},
        tags=["web"],
        somethingNew={"kept": [1, None, "two"]},
    )


def test_put_of_get_changes_nothing():
    stored = normalised(rich_document())
    assert normalised(given_out(stored)) == stored


def test_what_is_given_out_twice_is_the_same_text():
    stored = normalised(rich_document())
    again = normalised(given_out(stored))
    assert list(again) == list(stored)
    assert list(again["environments"][0]) == list(stored["environments"][0])


def test_unknown_fields_and_nulls_survive():
    stored = normalised(rich_document())
    assert stored["somethingNew"] == {"kept": [1, None, "two"]}
    assert stored["description"] is None


@pytest.mark.parametrize(
    "owned", ["id", "revision", "createdBy", "modifiedOn", "isDeleted", "url", "_links"]
)
def test_what_the_server_owns_is_never_taken(owned):
    assert owned not in normalised({**rich_document(), owned: "forged"})


def test_names_of_people_are_never_taken():
    document = documents.outlined("Dev", approvals={"Dev": [ALICE]})
    step = document["environments"][0]["preDeployApprovals"]["approvals"][0]
    step["approver"]["displayName"] = "The Boss"
    kept = normalised(document)["environments"][0]["preDeployApprovals"]["approvals"][0]
    assert kept["approver"] == {"id": ALICE}


def test_who_is_only_named_stays_named():
    document = documents.outlined("Dev", approvals={"Dev": [""]})
    step = document["environments"][0]["preDeployApprovals"]["approvals"][0]
    step["approver"] = {"uniquename": "bob@example.org"}
    assert people_in(document) == {"bob@example.org"}
    kept = normalised(document)["environments"][0]["preDeployApprovals"]["approvals"][0]
    assert kept["approver"] == {"uniqueName": "bob@example.org"}


def test_people_of_another_server_become_those_known_here():
    document = documents.outlined("Dev", approvals={"Dev": ["foreign"]})
    step = document["environments"][0]["preDeployApprovals"]["approvals"][0]
    step["approver"]["uniqueName"] = "Alice@Example.org"
    assert people_in(document) == {"foreign", "Alice@Example.org"}
    stored = normalised(document, {"alice@example.org": ALICE})
    kept = stored["environments"][0]["preDeployApprovals"]["approvals"][0]
    assert kept["approver"] == {"id": ALICE}


def test_a_document_may_not_name_people_without_end():
    stage = documents.stage("Dev", pre=[f"person {number}" for number in range(1001)])
    with pytest.raises(Invalid, match="1,000 people"):
        people_in(documents.definition("Web", stage))


def test_numbers_of_an_export_become_the_published_words():
    document = rich_document()
    stage = document["environments"][0]
    document["source"] = 2
    document["triggers"][0]["triggerType"] = 1
    stage["conditions"][0]["conditionType"] = 1
    stage["deployPhases"][0]["phaseType"] = 1
    stage["deployPhases"][0]["deploymentInput"]["parallelExecution"] = {"parallelExecutionType": 0}
    stage["preDeployApprovals"]["approvalOptions"]["executionOrder"] = 1
    stage["schedules"] = [documents.schedule(days=31)]
    stored = normalised(document)
    kept = stored["environments"][0]
    assert stored["source"] == "userInterface"
    assert stored["triggers"][0]["triggerType"] == "artifactSource"
    assert kept["conditions"][0]["conditionType"] == "event"
    assert kept["deployPhases"][0]["phaseType"] == "agentBasedDeployment"
    parallel = kept["deployPhases"][0]["deploymentInput"]["parallelExecution"]
    assert parallel == {"parallelExecutionType": "none"}
    assert kept["preDeployApprovals"]["approvalOptions"]["executionOrder"] == "beforeGates"
    assert kept["schedules"][0]["daysToRelease"] == "monday, tuesday, wednesday, thursday, friday"
    assert normalised(stored) == stored


def test_a_number_in_a_field_that_is_not_understood_stays_a_number():
    assert normalised({"name": "x", "unknownType": 1})["unknownType"] == 1


def test_names_of_known_fields_are_repaired():
    stored = normalised(
        {"Name": "Web", "Environments": [{"NAME": "Dev", "deployphases": [], "Odd": 1}]}
    )
    assert stored["name"] == "Web"
    stage = stored["environments"][0]
    assert stage["name"] == "Dev"
    assert stage["deployPhases"] == []
    assert stage["Odd"] == 1


def test_names_of_variables_and_inputs_are_the_authors_own():
    document = documents.outlined(
        "Dev",
        variables={"IsSecret": {"Value": "x"}},
        tasks=[documents.task(documents.BASH, "3.*", "Bash", {"A": 1})],
    )
    stored = normalised(document)
    assert stored["variables"] == {"IsSecret": {"value": "x"}}
    [task] = stored["environments"][0]["deployPhases"][0]["workflowTasks"]
    assert task["inputs"] == {"A": "1"}


def test_numbers_and_booleans_are_read_from_text():
    document = documents.definition("Web", documents.stage("Dev", queueId="15", rank="2"))
    document["environments"][0]["deployPhases"][0]["deploymentInput"]["queueId"] = " 15 "
    document["variables"] = {"A": {"value": 5, "isSecret": "False"}, "B": {"value": True}}
    stored = normalised(document)
    assert stored["environments"][0]["rank"] == 2
    assert stored["environments"][0]["deployPhases"][0]["deploymentInput"]["queueId"] == 15
    assert stored["variables"] == {
        "A": {"value": "5", "isSecret": False},
        "B": {"value": "true"},
    }


def test_properties_get_their_published_form():
    stored = normalised({"properties": {"A": "x", "B": 3, "C": {"$type": "T", "$value": 1}}})
    assert stored["properties"] == {
        "A": {"$type": "System.String", "$value": "x"},
        "B": {"$type": "System.Int32", "$value": 3},
        "C": {"$type": "T", "$value": 1},
    }


@pytest.mark.parametrize(
    ("sent", "kept"),
    [(None, "\\"), ("", "\\"), ("\\", "\\"), ("Web\\Shop", "\\Web\\Shop"), ("/Web/", "\\Web")],
)
def test_a_folder_is_named_from_the_root(sent, kept):
    assert path_of(normalised({"name": "x", "path": sent})) == kept


def test_a_side_without_approvals_gets_the_automatic_step():
    stored = normalised(
        {"environments": [{"name": "Dev", "postDeployApprovals": {"approvals": []}}]}
    )
    [stage] = stored["environments"]
    automatic = [{"rank": 1, "isAutomated": True, "isNotificationOn": False}]
    assert stage["preDeployApprovals"]["approvals"] == automatic
    assert stage["postDeployApprovals"]["approvals"] == automatic


def test_stages_without_a_rank_are_ranked_as_they_stand():
    stored = normalised({"environments": [{"name": "A"}, {"name": "B", "rank": 9}, {"name": "C"}]})
    assert [stage["rank"] for stage in stored["environments"]] == [1, 9, 3]


@pytest.mark.parametrize("document", [None, [], "text", 5])
def test_only_an_object_is_a_definition(document):
    with pytest.raises(Invalid, match="must be a JSON object"):
        normalised(document)


def test_a_document_may_not_be_deep():
    deep = current = {}
    for _ in range(MOST_DEPTH + 1):
        current["a"] = {}
        current = current["a"]
    with pytest.raises(Invalid, match="64 levels"):
        normalised(deep)


def test_a_document_may_not_be_huge():
    with pytest.raises(Invalid, match="500,000 values"):
        normalised({"x": [0] * 500_001})


def test_a_definition_may_not_have_stages_without_end():
    with pytest.raises(Invalid, match="200 stages"):
        normalised({"environments": [{"name": str(number)} for number in range(201)]})


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"id": 3, "revision": 2}, (3, 2)),
        ({"ID": "3", "Revision": 2.0}, (3, 2)),
        ({}, (0, 0)),
        ([], (0, 0)),
    ],
)
def test_a_document_says_which_definition_and_revision_it_is(document, expected):
    assert identity_of(document) == expected


@pytest.mark.parametrize(
    ("document", "where"),
    [({"id": True}, "$.id"), ({"Revision": "two"}, "$.revision"), ({"name": 3}, "$.name")],
)
def test_an_id_a_revision_or_a_name_of_another_kind_cannot_be_read(document, where):
    with pytest.raises(Invalid) as refused:
        identity_of(document)
    assert refused.value.problems[0].startswith(where)


def test_an_update_leaves_alone_what_it_does_not_mention():
    before = {"name": "Web", "tags": ["a"], "triggers": [1], "variables": {"A": {}}, "other": 1}
    after = carried_over({"name": "Web", "tags": [], "triggers": None}, before)
    assert after == {"name": "Web", "tags": [], "triggers": None, "variables": {"A": {}}}


def test_a_list_shows_what_needs_no_expansion():
    stored = normalised(rich_document())
    summary = summary_of(stored)
    assert summary["name"] == "Web shop"
    assert not {"environments", "artifacts", "triggers", "variables", "tags"} & set(summary)
    assert (name_of(stored), tags_of(stored), stage_count(stored)) == ("Web shop", ("web",), 2)
