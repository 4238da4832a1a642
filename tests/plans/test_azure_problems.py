"""What cannot be compiled is refused, each problem at its JSON path with what to do."""

import copy

import pytest

from quaymaster.domain.errors import Invalid
from quaymaster.plans.azure import compile_definition
from quaymaster.plans.azure_document import normalised
from tests import documents

STAGE = "$.environments[0]"
PHASE = f"{STAGE}.deployPhases[0]"
TASK = f"{PHASE}.workflowTasks[0]"
INPUT = f"{PHASE}.deploymentInput"
OPTIONS = f"{STAGE}.preDeployApprovals.approvalOptions"
GATES = f"{STAGE}.preDeploymentGates.gatesOptions"


def problems_of(document):
    """The problems of a document that must not compile."""
    with pytest.raises(Invalid) as refused:
        compile_definition(normalised(document))
    assert refused.value.message == "The release pipeline cannot be saved."
    return refused.value.problems


def full():
    """A document that compiles and has something of everything."""
    return documents.definition(
        "Web",
        documents.stage(
            "Dev",
            pre=["alice"],
            tasks=[documents.bash("true")],
            preDeploymentGates=documents.gates(documents.rest_gate()),
            schedules=[documents.schedule()],
            environmentTriggers=[{"triggerType": "rollbackRedeploy", "triggerContent": ""}],
        ),
        documents.stage("QA", "Dev"),
        artifacts=[documents.build_artifact()],
        triggers=[documents.artifact_trigger(), _scheduled()],
        variables={"Url": documents.variable("x")},
    )


def _scheduled():
    return {"triggerType": "schedule", "schedule": documents.schedule()}


def changed(path, value):
    """The full document with one place changed: `a.0.b` names keys and positions."""
    document = copy.deepcopy(full())
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = document
    for part in way:
        place = place[part]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return document


MISSING = object()


def test_the_full_document_compiles():
    assert compile_definition(normalised(full())).stages[1].name == "QA"


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("name", "", "$.name: a release pipeline needs a name"),
        ("name", MISSING, "$.name: a release pipeline needs a name"),
        ("name", "x" * 257, "$.name: is longer than 256 characters"),
        ("name", "a\x00b", "$.name: contains control characters"),
        ("name", "a\x85b", "$.name: contains control characters"),
        ("name", "a\u2028b", "$.name: contains control characters"),
        ("name", "a\u200bb", "$.name: has characters that nobody sees"),
        ("name", "a\u202eb", "$.name: has characters that nobody sees"),
        ("name", ["x"], "$.name: is a list where text is needed"),
        ("path", "\\a\nb", "$.path: contains control characters"),
        ("path", "\\" + "x" * 400, "$.path: is longer than 400"),
        ("tags", ["a\x07"], "$.tags: contain control characters"),
        ("tags", [5], "$.tags[0]: is a number where text is needed"),
        ("properties", "x", "$.properties: is text where an object is needed"),
        ("environments.0.properties", 5, f"{STAGE}.properties: is a number where an object"),
        ("environments", [], "$.environments: a definition needs at least one stage"),
        ("environments", MISSING, "$.environments: a definition needs at least one stage"),
        ("environments", {}, "$.environments: is an object where a list is needed"),
        ("environments.0", "Dev", f"{STAGE}: is text where an object is needed"),
        ("environments.0.name", None, f"{STAGE}.name: a stage needs a name"),
        ("environments.0.name", "qa", f"{STAGE}.name: another stage is called 'qa'"),
        ("environments.0.rank", -1, f"{STAGE}.rank: is -1; give a number of 0 or more"),
        ("environments.0.deployPhases", [], f"{STAGE}.deployPhases: a stage needs at least one"),
        ("environments.0.deployPhases", MISSING, f"{STAGE}.deployPhases: a stage needs at least"),
        ("environments.0.retentionPolicy", None, f"{STAGE}.retentionPolicy: VS402982"),
        (
            "environments.0.retentionPolicy.daysToKeep",
            -1,
            f"{STAGE}.retentionPolicy.daysToKeep: is -1",
        ),
        (
            "environments.0.executionPolicy.concurrencyCount",
            "many",
            f"{STAGE}.executionPolicy.concurrencyCount: is text where a whole number is needed",
        ),
        ("environments.0.variableGroups", ["x"], f"{STAGE}.variableGroups[0]: must be the id"),
        ("environments.0.variables", [], f"{STAGE}.variables: is a list where an object"),
    ],
)
def test_definitions_and_stages(path, value, problem):
    assert any(found.startswith(problem) for found in problems_of(changed(path, value)))


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ({"conditionType": "undefined", "name": "x"}, "conditionType: is missing"),
        ({"name": "x"}, "conditionType: is missing"),
        ({"conditionType": "sometimes"}, "conditionType: 'sometimes' is no ConditionType"),
        ({"conditionType": "event", "name": "Noon"}, "name: 'Noon' is no event"),
        (documents.after_stage("Test"), "name: there is no stage 'Test' in this definition"),
        (documents.after_stage("QA", ""), "value: names no state"),
        (documents.after_stage("QA", "0"), "value: names no state"),
        (documents.after_stage("QA", "256"), "value: 256 is no EnvironmentStatus"),
        (documents.after_stage("QA", "done"), "value: 'done' is no EnvironmentStatus"),
        (documents.artifact_condition("lib", "{}"), "name: there is no artifact 'lib'"),
        (documents.artifact_condition("_Web-CI", "main"), "value: is not the JSON text"),
        (documents.artifact_condition("_Web-CI", "[]"), "value: is not the JSON text"),
        (documents.artifact_condition("_Web-CI", "[" * 9999), "value: is not the JSON text"),
        (
            documents.artifact_condition("_Web-CI", '{"tags": 5}'),
            "value.tags: is a number where a list is needed",
        ),
    ],
)
def test_conditions(condition, problem):
    found = problems_of(changed("environments.0.conditions", [condition]))
    assert any(text.startswith(f"{STAGE}.conditions[0].{problem}") for text in found)


def test_stages_that_wait_for_each_other():
    stages = [
        documents.stage("A", "C"),
        documents.stage("B", "A"),
        documents.stage("C", "B"),
        documents.stage("After", "C"),
    ]
    found = problems_of(documents.definition("Web", *stages))
    assert len(found) == 3
    assert found[0] == (
        "$.environments[0].conditions: stage 'A' waits for C, which waits for it in turn; "
        "remove one of the conditions"
    )


def test_a_stage_that_waits_for_itself():
    [found] = problems_of(documents.definition("Web", documents.stage("A", "a")))
    assert found.startswith("$.environments[0].conditions: stage 'A' waits for A")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("approvals.0.approver", None, f"{STAGE}.preDeployApprovals.approvals[0].approver: nobody"),
        ("approvals.0.approver", {}, f"{STAGE}.preDeployApprovals.approvals[0].approver: nobody"),
        (
            "approvals.0.approver",
            "bob",
            f"{STAGE}.preDeployApprovals.approvals[0].approver: is text where an object",
        ),
        ("approvals.0.rank", -2, f"{STAGE}.preDeployApprovals.approvals[0].rank: is -2"),
        ("approvalOptions.requiredApproverCount", 2, f"{OPTIONS}.requiredApproverCount: asks for"),
        ("approvalOptions.requiredApproverCount", -1, f"{OPTIONS}.requiredApproverCount: is -1"),
        ("approvalOptions.timeoutInMinutes", 525_601, f"{OPTIONS}.timeoutInMinutes: is 525601"),
        ("approvalOptions.timeoutInMinutes", -5, f"{OPTIONS}.timeoutInMinutes: is -5"),
        ("approvalOptions.executionOrder", 3, f"{OPTIONS}.executionOrder: 3 is no"),
        (
            "approvalOptions.releaseCreatorCanBeApprover",
            "maybe",
            f"{OPTIONS}.releaseCreatorCanBeApprover: is text where true or false is needed",
        ),
    ],
)
def test_approvals(path, value, problem):
    found = problems_of(changed(f"environments.0.preDeployApprovals.{path}", value))
    assert any(text.startswith(problem) for text in found)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("phaseType", "cloud", f"{PHASE}.phaseType: 'cloud' is no DeployPhaseTypes"),
        ("phaseType", "deploymentGates", f"{PHASE}.phaseType: deploymentGates is no phase of a"),
        ("phaseType", 0, f"{PHASE}.phaseType: undefined is no phase of a stage"),
        ("rank", "first", f"{PHASE}.rank: is text where a whole number is needed"),
        ("deploymentInput.queueId", "abc", f"{INPUT}.queueId: is text where"),
        ("deploymentInput.queueId", -1, f"{INPUT}.queueId: is -1"),
        ("deploymentInput.timeoutInMinutes", -1, f"{INPUT}.timeoutInMinutes: is -1"),
        ("deploymentInput.timeoutInMinutes", 10**30, f"{INPUT}.timeoutInMinutes: is far too large"),
        ("deploymentInput.jobCancelTimeoutInMinutes", 61, f"{INPUT}.jobCancelTimeoutInMinutes"),
        ("deploymentInput.condition", "succeeded(", f"{INPUT}.condition: the condition cannot be"),
        ("deploymentInput.condition", "$(x)", f"{INPUT}.condition: the condition cannot be read"),
        ("deploymentInput.demands", [""], f"{INPUT}.demands[0]: is no demand"),
        ("deploymentInput.demands", ["a -like b"], f"{INPUT}.demands[0]: is no demand"),
        ("deploymentInput.demands", ["a -equals"], f"{INPUT}.demands[0]: is no demand"),
        ("deploymentInput.demands", [5], f"{INPUT}.demands[0]: is no demand"),
        ("deploymentInput.demands", [{"name": 5.5}], None),
        ("deploymentInput.demands", [{}], f"{INPUT}.demands[0]: is no demand"),
        (
            "deploymentInput.artifactsDownloadInput",
            {"downloadInputs": [{"alias": "_Web-CI", "artifactDownloadMode": "Some"}]},
            f"{INPUT}.artifactsDownloadInput.downloadInputs[0].artifactDownloadMode: use one of",
        ),
        (
            "deploymentInput.parallelExecution",
            {"parallelExecutionType": "multiConfiguration"},
            f"{INPUT}.parallelExecution.multipliers: name the variables",
        ),
        (
            "deploymentInput.parallelExecution",
            {"parallelExecutionType": 7},
            f"{INPUT}.parallelExecution.parallelExecutionType: 7 is no",
        ),
        ("workflowTasks.0.taskId", "bash", f"{TASK}.taskId: is not the id (a GUID) of a task"),
        ("workflowTasks.0.taskId", None, f"{TASK}.taskId: is not the id (a GUID) of a task"),
        ("workflowTasks.0.condition", "and(true)", f"{TASK}.condition: the condition cannot be"),
        ("workflowTasks.0.timeoutInMinutes", -1, f"{TASK}.timeoutInMinutes: is -1"),
        ("workflowTasks.0.retryCountOnTaskFailure", -1, f"{TASK}.retryCountOnTaskFailure: is -1"),
        ("workflowTasks.0.enabled", 7, f"{TASK}.enabled: is a number where true or false"),
        ("workflowTasks.0.inputs", {"a b": []}, f"{TASK}.inputs['a b']: is a list where text"),
        ("workflowTasks", [None], f"{TASK}: is null where an object is needed"),
    ],
)
def test_phases_and_tasks(path, value, problem):
    document = changed(f"environments.0.deployPhases.0.{path}", value)
    if problem is None:
        assert compile_definition(normalised(document))
    else:
        assert any(text.startswith(problem) for text in problems_of(document))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stabilizationTime", 2881),
        ("stabilizationTime", -1),
        ("samplingInterval", 4),
        ("timeout", 5),
        ("timeout", 15 * 24 * 60 + 1),
        ("minimumSuccessDuration", -1),
        ("minimumSuccessDuration", 1441),
    ],
)
def test_gates_have_limits(key, value):
    document = changed(f"environments.0.preDeploymentGates.gatesOptions.{key}", value)
    assert any(found.startswith(f"{GATES}.{key}: ") for found in problems_of(document))


def test_gates_that_are_switched_off_are_not_held_to_limits():
    document = changed("environments.0.preDeploymentGates.gatesOptions.samplingInterval", 0)
    document["environments"][0]["preDeploymentGates"]["gatesOptions"]["isEnabled"] = False
    assert compile_definition(normalised(document))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"alias": ""}, "alias: an artifact needs a name"),
        ({"alias": "../up"}, "alias: is the name of a folder"),
        ({"alias": ".."}, "alias: is the name of a folder"),
        ({"alias": "a\nb"}, "alias: contains control characters"),
        ({"type": None}, "type: an artifact's type needs a name"),
        ({"definitionReference": {}}, "definitionReference: VS402862: Artifact source should have"),
        ({"definitionReference": None}, "definitionReference: VS402862"),
        (
            {
                "definitionReference": {
                    "definition": {"id": "7"},
                    "defaultVersionType": {"id": "best"},
                }
            },
            "definitionReference.defaultVersionType.id: 'best' is no way to choose a version",
        ),
        (
            {"definitionReference": {"definition": 7}},
            "definitionReference.definition: is a number where an object is needed",
        ),
    ],
)
def test_artifacts(changes, problem):
    document = documents.outlined(artifacts=[documents.build_artifact(**changes)])
    found = problems_of(document)
    assert any(text.startswith(f"$.artifacts[0].{problem}") for text in found)


def test_aliases_must_differ_in_more_than_case():
    document = documents.outlined(
        artifacts=[documents.build_artifact("Web"), documents.build_artifact("web")]
    )
    assert problems_of(document) == (
        "$.artifacts[0].alias: another artifact is called 'Web'; rename one",
        "$.artifacts[1].alias: another artifact is called 'web'; rename one",
    )


@pytest.mark.parametrize(
    ("trigger", "problem"),
    [
        ({}, "triggerType: is missing"),
        ({"triggerType": "sometimes"}, "triggerType: 'sometimes' is no ReleaseTriggerType"),
        ({"triggerType": "artifactSource"}, "artifactAlias: Invalid data is passed for artifact"),
        ({"triggerType": 3, "alias": "lib"}, "alias: there is no artifact 'lib'"),
        ({"triggerType": "schedule"}, "schedule: is missing"),
        (
            {"triggerType": "schedule", "schedule": documents.schedule(timeZoneId="Mars/Base")},
            "schedule.timeZoneId: there is no time zone 'Mars/Base'",
        ),
        (
            documents.artifact_trigger("_Web-CI", {"tagFilter": {"pattern": "("}}),
            "triggerConditions[0].tagFilter.pattern: tags cannot be searched for this",
        ),
        (
            {"triggerType": "schedule", "schedule": documents.schedule(days=0)},
            "schedule.daysToRelease: names no day",
        ),
        (
            {"triggerType": "schedule", "schedule": documents.schedule(days="someday")},
            "schedule.daysToRelease: 'someday' is no ScheduleDays",
        ),
        (
            {"triggerType": "schedule", "schedule": documents.schedule(hour=24)},
            "schedule.startHours: is 24; give a number from 0 to 23",
        ),
        (
            {"triggerType": "schedule", "schedule": documents.schedule(minute=60)},
            "schedule.startMinutes: is 60; give a number from 0 to 59",
        ),
    ],
)
def test_triggers(trigger, problem):
    found = problems_of(changed("triggers", [trigger]))
    assert any(text.startswith(f"$.triggers[0].{problem}") for text in found)


@pytest.mark.parametrize(
    ("trigger", "problem"),
    [
        ({"triggerContent": "{}"}, "triggerType: use rollbackRedeploy or deploymentGroupRedeploy"),
        ({"triggerType": 2, "triggerContent": "x"}, "triggerContent: is not the JSON text"),
        ({"triggerType": 9}, "triggerType: 9 is no EnvironmentTriggerType"),
    ],
)
def test_stage_triggers(trigger, problem):
    found = problems_of(changed("environments.0.environmentTriggers", [trigger]))
    assert any(text.startswith(f"{STAGE}.environmentTriggers[0].{problem}") for text in found)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"A": {"value": "1"}, "a": {"value": "2"}}, "$.variables.A: another variable has this"),
        ({"": {"value": "1"}}, "$.variables['']: a variable needs a name"),
        ({"A": "1"}, "$.variables.A: is text where an object is needed"),
        ({"A": {"value": []}}, "$.variables.A.value: is a list where text is needed"),
        ({"A": {"isSecret": "so-so"}}, "$.variables.A.isSecret: is text where true or false"),
    ],
)
def test_variables(variables, problem):
    found = problems_of(documents.outlined(variables=variables))
    assert any(text.startswith(problem) for text in found)


def test_all_problems_are_told_at_once():
    document = full()
    document["name"] = ""
    document["environments"][1]["conditions"][0]["name"] = "Nowhere"
    document["environments"][1]["deployPhases"][0]["workflowTasks"] = [{"taskId": "x"}]
    document["triggers"][0]["artifactAlias"] = "Nothing"
    assert [problem.partition(":")[0] for problem in problems_of(document)] == [
        "$.name",
        "$.triggers[0].artifactAlias",
        "$.environments[1].conditions[0].name",
        "$.environments[1].deployPhases[0].workflowTasks[0].taskId",
    ]


def test_not_more_problems_are_told_than_somebody_will_read():
    stages = [documents.stage("") for _ in range(200)]
    assert len(problems_of(documents.definition("Web", *stages))) == 100


def test_no_value_of_a_variable_is_told():
    document = documents.outlined(variables={"A": {"value": ["hunter2"], "isSecret": "hunter2"}})
    assert "hunter2" not in str(problems_of(document))
