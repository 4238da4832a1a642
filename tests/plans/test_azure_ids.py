"""Stages and steps get ids once and keep them."""

from itertools import count

from quaymaster.plans.azure_document import ids_in, ids_needed, normalised, with_ids
from tests import documents


def drawn(start=101):
    numbers = count(start)
    return lambda: next(numbers)


def numbered(document, known=(), start=101):
    return with_ids(normalised(document), drawn(start), known)


def test_every_stage_and_step_gets_an_id_of_its_own():
    document = documents.definition(
        "Web", documents.stage("Dev", preDeploymentGates=documents.gates(documents.rest_gate()))
    )
    [stage] = numbered(document)["environments"]
    assert stage["id"] == 101
    given = ids_in({"environments": [stage]})
    assert len(given) == 5  # the stage, the deploy step, two approvals, one side of gates
    assert min(given) >= 101


def test_a_side_without_gates_keeps_the_step_id_0():
    [stage] = numbered(documents.outlined("Dev"))["environments"]
    assert stage["postDeploymentGates"]["id"] == 0


def test_own_ids_are_kept():
    first = numbered(documents.outlined("Dev → QA", approvals={"QA": ["a", "b"]}))
    again = with_ids(first, drawn(900), ids_in(first))
    assert again == first
    assert ids_needed(first, ids_in(first)) == 0


def test_a_new_stage_gets_new_ids_and_the_others_keep_theirs():
    first = numbered(documents.outlined("Dev"))
    first["environments"].insert(0, normalised(documents.outlined("New"))["environments"][0])
    new, old = with_ids(first, drawn(900), ids_in(first))["environments"]
    assert new["id"] == 900
    assert old == first["environments"][1]


def test_ids_of_another_definition_are_replaced():
    document = documents.definition("Web", documents.stage("Dev", id=5))
    [stage] = numbered(document, known={6})["environments"]
    assert stage["id"] == 101


def test_a_copied_stage_gets_an_id_of_its_own():
    document = documents.definition(
        "Web", documents.stage("Dev", id=5), documents.stage("Copy", id=5)
    )
    first, second = numbered(document, known={5})["environments"]
    assert first["id"] == 5
    assert second["id"] >= 101


def test_ranks_and_order_stay():
    document = documents.definition(
        "Web", documents.stage("B", rank=2), documents.stage("A", rank=1)
    )
    stages = numbered(document)["environments"]
    assert [(stage["name"], stage["rank"]) for stage in stages] == [("B", 2), ("A", 1)]


def test_as_many_ids_are_drawn_as_are_announced():
    document = normalised(documents.outlined("Dev → QA", approvals={"QA": ["a", "b", "c"]}))
    asked = []
    with_ids(document, lambda: asked.append(1) or len(asked))
    assert ids_needed(document) == len(asked)


def test_a_document_without_stages_is_left_alone():
    assert with_ids({"environments": "none"}, drawn()) == {"environments": "none"}
