"""Task groups are expanded where a definition or a gate uses them (SEMANTICS 13.1)."""

from datetime import timedelta
from itertools import pairwise

import pytest

from quaymaster.domain.errors import Invalid
from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_document import normalised
from tests import documents

OUTER = "11111111-1111-4111-8111-111111111111"
INNER = "22222222-2222-4222-8222-222222222222"


def step(script="echo $(name) $(Secret)", **changes):
    """A step of a task group."""
    built = {
        "displayName": "Say $(name)",
        "enabled": True,
        "condition": "succeeded()",
        "inputs": {"targetType": "inline", "script": script},
        "environment": {"WHO": "$(name)"},
        "task": {"id": documents.BASH, "versionSpec": "3.*", "definitionType": "task"},
    }
    return {**built, **changes}


def nested(group=INNER, version="1.*", **inputs):
    reference = {"id": group, "versionSpec": version, "definitionType": "metaTask"}
    return step(displayName="Inner", task=reference, inputs=inputs, environment={})


def group(*steps, name="Greet", default="nobody", revision=1):
    return {
        "name": name,
        "revision": revision,
        "inputs": [{"name": "name", "defaultValue": default}],
        "tasks": list(steps) or [step()],
    }


def uses(group=OUTER, version="1.*", inputs=None, **changes):
    """The step of a definition that uses a group."""
    changes = {"definitionType": "metaTask", **changes}
    return documents.task(group, version, "Use the group", inputs or {}, **changes)


def compiled(*tasks, groups=None, **stage):
    document = documents.definition("Web", documents.stage("Dev", tasks=list(tasks), **stage))
    if groups is None:
        groups = {OUTER: {"1.0.0": group()}}
    return compile_definition(normalised(document), groups=groups)


def tasks_of(*tasks, **more):
    [stage] = compiled(*tasks, **more).stages
    return stage.phases[0].tasks


def test_a_group_becomes_its_tasks_with_its_parameters_filled_in():
    before, said, after = tasks_of(
        documents.bash("1"), uses(inputs={"NAME": "Ann"}), documents.bash("2")
    )
    assert said.display_name == "Say Ann"
    assert said.inputs["script"] == "echo Ann $(Secret)"
    assert said.environment == {"WHO": "Ann"}
    assert (before.inputs["script"], after.inputs["script"]) == ("1", "2")


def test_a_parameter_that_is_not_given_has_its_default_and_macros_in_values_stay():
    [default] = tasks_of(uses())
    assert default.inputs["script"] == "echo nobody $(Secret)"
    [macro] = tasks_of(uses(inputs={"name": "$(Secret) $(name)"}))
    assert macro.inputs["script"] == "echo $(Secret) $(name) $(Secret)"


def test_process_parameters_reach_a_group_through_its_inputs():
    parameters = {"inputs": [{"name": "who", "defaultValue": "Bob"}]}
    [said] = tasks_of(uses(inputs={"name": "$(Parameters.Who)"}), processParameters=parameters)
    assert said.inputs["script"] == "echo Bob $(Secret)"


def test_the_newest_of_the_version_that_is_asked_for():
    versions = {
        "1.0.0": group(step("old")),
        "1.2.0": group(step("newest 1")),
        "2.0.0": group(step("2")),
    }
    plan = compiled(uses(version="1.*"), uses(version="2.*"), groups={OUTER: versions})
    scripts = [task.inputs["script"] for task in plan.stages[0].phases[0].tasks]
    assert scripts == ["newest 1", "2"]
    assert [(taken.wanted, taken.version) for taken in plan.task_groups] == [
        ("1.*", "1.2.0"),
        ("2.*", "2.0.0"),
    ]


def test_groups_within_groups():
    groups = {
        OUTER: {"1.0.0": group(step("first"), nested(name="$(name) and Ann"))},
        INNER: {"1.0.0": group(step(), name="Inner")},
    }
    first, inner = tasks_of(uses(inputs={"name": "Bob"}), groups=groups)
    assert (first.inputs["script"], inner.inputs["script"]) == (
        "first",
        "echo Bob and Ann $(Secret)",
    )


def test_a_group_that_contains_itself_is_refused_by_name():
    groups = {
        OUTER: {"1.0.0": group(nested(INNER), name="Outer")},
        INNER: {"1.0.0": group(nested(OUTER), name="Inner")},
    }
    with pytest.raises(Invalid) as refused:
        compiled(uses(), groups=groups)
    [problem] = refused.value.problems
    assert "'Outer' contains itself: Outer → Inner → Outer" in problem


def test_groups_that_grow_without_end_are_refused():
    ids = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(12)]
    groups = {
        own: {"1.0.0": group(*[nested(then) for _ in range(4)], name=f"G{own[:2]}")}
        for own, then in pairwise(ids)
    }
    groups[ids[-1]] = {"1.0.0": group()}
    with pytest.raises(Invalid, match="cannot be saved") as refused:
        compiled(uses(ids[0]), groups=groups)
    assert any("more than 1000 tasks" in problem for problem in refused.value.problems)


def test_a_group_that_is_not_there_stays_a_task_that_nobody_can_run():
    plan = compiled(uses(), groups={})
    [task] = plan.stages[0].phases[0].tasks
    assert (task.task_id, plan.task_groups[0].version) == (OUTER, "")
    assert "there is no task group" in plan.warnings[0]
    assert "there is no version 9.*" in compiled(uses(version="9.*")).warnings[0]


@pytest.mark.parametrize(
    ("outer", "inner", "both"),
    [
        ("succeeded()", "succeeded()", "succeeded()"),
        ("", "failed()", "failed()"),
        ("failed()", "succeeded()", "failed()"),
        ("always()", "", "always()"),
        (
            "eq(variables['a'], '1')",
            "succeeded()",
            "and(succeeded(), eq(variables['a'], '1'))",
        ),
        (
            "eq(variables['always()'], '1')",
            "succeeded()",
            "and(succeeded(), eq(variables['always()'], '1'))",
        ),
        (
            "and(always(), true)",
            "eq('$(name)', 'x')",
            "and(and(always(), true), eq('O''Hara', 'x'))",
        ),
    ],
)
def test_both_conditions_hold(outer, inner, both):
    groups = {OUTER: {"1.0.0": group(step(condition=inner))}}
    [task] = tasks_of(uses(condition=outer, inputs={"name": "O'Hara"}), groups=groups)
    assert task.condition == both


def test_an_old_always_run_is_a_condition():
    groups = {OUTER: {"1.0.0": group(step(alwaysRun=True, condition=""))}}
    [task] = tasks_of(uses(), groups=groups)
    assert (task.condition, task.always_run) == ("succeededOrFailed()", False)


def test_the_step_that_uses_a_group_speaks_for_all_its_tasks():
    steps = (step(timeoutInMinutes=20, retryCountOnTaskFailure=2), step(enabled=False))
    groups = {OUTER: {"1.0.0": group(*steps)}}
    using = uses(
        continueOnError=True,
        timeoutInMinutes=5,
        retryCountOnTaskFailure=1,
        environment={"WHO": "outer", "MORE": "x"},
    )
    first, second = tasks_of(using, groups=groups)
    assert (first.continue_on_error, first.timeout) == (True, timedelta(minutes=5))
    assert (first.retry_count, second.retry_count) == (2, 1)
    assert first.environment == {"WHO": "nobody", "MORE": "x"}
    assert [first.enabled, second.enabled] == [True, False]
    assert [task.enabled for task in tasks_of(uses(enabled=False), groups=groups)] == [False, False]


def test_a_gate_can_use_a_group():
    ask = step(
        task={"id": documents.INVOKE_REST_API, "versionSpec": "1.*", "definitionType": "task"},
        inputs={"url": "/$(name)"},
    )
    groups = {OUTER: {"1.0.0": group(ask)}}
    gates = documents.gates(uses(inputs={"name": "health"}))
    [stage] = compiled(groups=groups, preDeploymentGates=gates).stages
    assert [task.inputs["url"] for task in stage.pre_gates.tasks] == ["/health"]


def test_process_parameters_reach_gates_and_environments_of_tasks():
    parameters = {"inputs": [{"name": "host", "defaultValue": "example.org"}]}
    gate = documents.task(documents.INVOKE_REST_API, "1.*", "Ask", {"url": "$(parameters.HOST)"})
    [stage] = compiled(
        documents.bash("true", environment={"HOST": "$(Parameters.host)"}),
        processParameters=parameters,
        postDeploymentGates=documents.gates(gate),
    ).stages
    assert stage.post_gates.tasks[0].inputs["url"] == "example.org"
    assert stage.phases[0].tasks[0].environment == {"HOST": "example.org"}
