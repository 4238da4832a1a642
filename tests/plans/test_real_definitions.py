"""Definitions that people exported: each is kept faithfully, and compiles or says why not."""

import json
from itertools import count

import pytest

from quaymaster.domain.errors import Invalid
from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_document import ids_in, normalised, split_secrets, with_ids
from quaymaster.store.storage.bodies import decode_plan, encode_plan
from tests.plans.test_azure_document import given_out
from tests.vectors import shared_folder

FOLDER = shared_folder() / "data" / "release_definitions"
EXAMPLES = shared_folder() / "contract" / "azure" / "swagger" / "release"
OLD_CALLS = shared_folder() / "contract" / "legacy" / "samples"


def _documents():
    for file in sorted(FOLDER.glob("*.json")):
        yield file.stem, file.read_text(encoding="utf-8-sig")
    for file in sorted(EXAMPLES.glob("*/httpExamples/definitions/P*.json")):
        example = json.loads(file.read_text(encoding="utf-8-sig"))
        yield f"{file.stem} asked", json.dumps(example["parameters"]["body"])
        yield f"{file.stem} answered", json.dumps(example["responses"]["200"]["body"])
    for file in sorted(OLD_CALLS.glob("definition_*.json")):
        call = json.loads(file.read_text(encoding="utf-8-sig"))
        for part in ("request_body", "response_body"):
            if isinstance(call.get(part), dict) and "environments" in call[part]:
                yield f"{file.stem} {part}", json.dumps(call[part])


def _params():
    template = pytest.mark.skip("is a template that is no JSON before it is filled in")
    params = [
        pytest.param(text, id=name, marks=[] if _is_json(text) else [template])
        for name, text in _documents()
    ]
    absent = pytest.param("{}", marks=pytest.mark.skip(f"no definitions in {FOLDER}"))
    return params or [absent]


def _is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _saved(text):
    """The document as it is stored when it is posted."""
    ids = count(1)
    plain, _ = split_secrets(with_ids(normalised(json.loads(text)), lambda: next(ids)), {})
    return plain


@pytest.mark.parametrize("text", _params())
def test_put_of_get_changes_nothing(text):
    stored = _saved(text)
    again = normalised(given_out(stored))
    assert with_ids(again, _no_new_id, ids_in(stored)) == stored
    assert json.dumps(again) == json.dumps(stored)


@pytest.mark.parametrize("text", _params())
def test_it_compiles_or_says_why_at_a_path(text):
    stored = _saved(text)
    plan, problems = _compiled(stored)
    if plan is None:
        assert problems
        assert all(problem.startswith("$.") for problem in problems)
        return
    assert [stage.name for stage in plan.stages] == [
        stage["name"].strip() for stage in stored["environments"]
    ]
    for stage, written in zip(plan.stages, stored["environments"], strict=True):
        asked = [
            step
            for step in written["preDeployApprovals"]["approvals"]
            if not step.get("isAutomated")
        ]
        assert len(stage.pre_approvals.approvers) == len(asked)
    assert decode_plan(encode_plan(plan)) == plan


def _compiled(stored):
    try:
        return compile_definition(stored), ()
    except Invalid as refused:
        return None, refused.problems


@pytest.mark.skipif(not FOLDER.exists(), reason=f"no {FOLDER}")
def test_every_exported_definition_that_is_json_compiles():
    refused = {}
    for file in sorted(FOLDER.glob("*.json")):
        text = file.read_text(encoding="utf-8-sig")
        if _is_json(text):
            _, problems = _compiled(_saved(text))
            if problems:
                refused[file.name] = problems
    assert not refused


@pytest.mark.parametrize("text", _params())
def test_every_number_that_is_a_word_is_written_as_one(text):
    stored = _saved(text)
    words = [
        phase["phaseType"]
        for stage in stored["environments"]
        for phase in stage.get("deployPhases", [])
    ]
    words += [trigger["triggerType"] for trigger in stored.get("triggers") or []]
    words.append(stored["source"])
    assert all(isinstance(word, str) for word in words)


def _no_new_id():
    raise AssertionError("every stage and step has its id already")
