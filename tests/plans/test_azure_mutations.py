"""Whatever a document holds, it becomes a plan or is refused: never anything else."""

import copy
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import Plan
from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_document import identity_of, normalised, split_secrets, with_ids
from quaymaster.store.storage.bodies import decode_plan, encode_plan
from tests import documents

SECRET = "hunter2-hunter2"

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["", "4", "-1", "Dev", "agentBasedDeployment", "succeeded()", "\x00", "a.*"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def base():
    return documents.definition(
        "Web",
        documents.stage(
            "Dev",
            pre=["alice"],
            tasks=[documents.bash("true", overrideInputs={"a": "b"})],
            preDeploymentGates=documents.gates(documents.rest_gate()),
            schedules=[documents.schedule()],
            environmentTriggers=[{"triggerType": 2, "triggerContent": '{"action":"x"}'}],
            variables={"Key": documents.variable(SECRET, secret=True)},
            runOptions={"TimeoutInMinutes": "5"},
            processParameters={"inputs": [{"name": "a", "defaultValue": "b"}]},
            demands=["npm", {"name": "a", "value": "b"}],
        ),
        documents.stage(
            "QA",
            "Dev",
            conditions=[documents.artifact_condition("_Web-CI", '{"tags":["a"]}')],
        ),
        {"name": "Old", "queueId": 3, "deployStep": {"tasks": [documents.bash("true")]}},
        artifacts=[documents.build_artifact()],
        triggers=[
            documents.artifact_trigger("_Web-CI", {"sourceBranch": "main"}),
            {"triggerType": "schedule", "schedule": documents.schedule()},
        ],
        properties={"a": 1},
        tags=["web"],
    )


def places(value, way=()):
    """The way to every value inside a document."""
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in entries:
        yield (*way, key)
        yield from places(inner, (*way, key))


# All but the one that says of a variable that it is secret: without it, it is none.
PLACES = [way for way in places(base()) if way[-1] != "isSecret"]
mutations = st.lists(
    st.tuples(st.sampled_from(PLACES), st.just("delete") | values), min_size=1, max_size=4
)


def mutated(changes):
    document = copy.deepcopy(base())
    for way, change in changes:
        place = document
        try:
            for key in way[:-1]:
                place = place[key]
            if change == "delete":
                del place[way[-1]]
            else:
                place[way[-1]] = change
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    return document


@settings(max_examples=300)
@given(mutations)
def test_a_damaged_document_is_compiled_or_refused(changes):
    _judge(mutated(changes))


@settings(max_examples=100)
@given(values)
def test_any_json_is_compiled_or_refused(document):
    _judge(document)


def _judge(document):
    try:
        identity_of(document)
        plan = _compiled(document)
    except Invalid as refused:
        said = (refused.message, *refused.problems)
    else:
        assert isinstance(plan, Plan)
        assert decode_plan(encode_plan(plan)) == plan
        said = (encode_plan(plan).decode(),)
    assert all(said)
    assert SECRET not in "".join(said)


def _compiled(document):
    ids = count(1)
    kept = normalised(document)
    assert normalised(kept) == kept
    plain, _ = split_secrets(with_ids(kept, lambda: next(ids)), {})
    return compile_definition(plain)
