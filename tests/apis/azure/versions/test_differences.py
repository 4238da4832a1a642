"""What older versions say differently, by examples."""

from typing import Any

import msgspec
import pytest

from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.versions.merging import merged
from quaymaster.apis.azure.versions.registry import carried, downgraded, is_newest_shape, upgraded
from quaymaster.plans.azure_document import normalised

TASK = {"taskId": "d9bafed4-0b18-4f58-968d-86655b4d2ce9", "version": "2.*", "name": "Say"}


def phase(*tasks: Any, rank: int = 1, kind: str = "agentBasedDeployment", **given: Any) -> Any:
    return {
        "rank": rank,
        "phaseType": kind,
        "name": f"Phase {rank}",
        "deploymentInput": given,
        "workflowTasks": list(tasks),
    }


def stored(*phases: Any, **more: Any) -> Any:
    """A definition with one stage as the newest version shows it."""
    stage = {
        "id": 7,
        "name": "Dev",
        "rank": 1,
        "deployStep": {"id": 8},
        "deployPhases": list(phases),
        "environmentOptions": {"timeoutInMinutes": 5, "badgeEnabled": True},
        "retentionPolicy": {"daysToKeep": 30, "releasesToKeep": 3, "retainBuild": True},
        "preDeploymentGates": {"id": 9, "gates": []},
    }
    document = {"name": "Web", "path": "\\Shop", "description": None, "url": "http://x"}
    return {**document, "environments": [stage], **more}


def stage_of(document: Any) -> Any:
    return document["environments"][0]


def phases_of(document: Any) -> Any:
    return normalised(document)["environments"][0]["deployPhases"]


def test_before_4_0_a_stage_has_tasks_a_queue_and_demands_of_its_own():
    given = {"queueId": 2, "demands": ["sh", {"name": "os", "value": "linux"}]}
    stage = stage_of(downgraded((3, 0), "definition", stored(phase(TASK, **given))))
    assert stage["deployStep"] == {"id": 8, "tasks": [TASK]}
    assert (stage["queueId"], stage["demands"]) == (2, ["sh", "os -equals linux"])
    assert stage["runOptions"] == {
        "EnvironmentOwnerEmailNotificationType": "Always",
        "skipArtifactsDownload": "False",
        "TimeoutInMinutes": "5",
    }
    assert not stage.keys() & {"deployPhases", "retentionPolicy", "preDeploymentGates"}
    assert "badgeEnabled" not in stage["environmentOptions"]


def test_the_queue_is_that_of_the_first_phase_on_an_agent():
    phases = phase(kind="runOnServer", rank=1), phase(TASK, rank=2, queueId=4)
    assert stage_of(downgraded((3, 0), "definition", stored(*phases)))["queueId"] == 4


def test_the_retention_of_the_stages_is_one_number_of_the_definition():
    assert downgraded((3, 0), "definition", stored())["retentionPolicy"] == {"daysToKeep": 30}


def test_changed_tasks_queue_and_demands_go_into_the_only_phase():
    now = stored(phase(TASK, queueId=2, condition="always()"))
    sent = downgraded((3, 0), "definition", now)
    stage_of(sent).update(deployStep={"id": 8, "tasks": []}, queueId=5, demands=["sh"])
    (kept,) = phases_of(carried((3, 0), "definition", sent, now))
    assert kept["workflowTasks"] == []
    assert kept["deploymentInput"] == {"queueId": 5, "condition": "always()", "demands": ["sh"]}
    assert kept["name"] == "Phase 1"


def test_several_phases_are_refused_only_when_their_tasks_change():
    now = stored(phase(TASK), phase(rank=2))
    sent = downgraded((2, 2), "definition", now)
    stage_of(sent)["name"] = "Development"
    made = carried((2, 2), "definition", sent, now)
    assert stage_of(made)["name"] == "Development"
    assert stage_of(made)["deployPhases"] == stage_of(now)["deployPhases"]
    stage_of(sent)["deployStep"] = {"id": 8, "tasks": []}
    with pytest.raises(Problem, match="Development of this release pipeline has several phases"):
        carried((2, 2), "definition", sent, now)


def test_a_new_number_of_days_to_keep_counts_for_every_stage():
    sent = {**downgraded((3, 0), "definition", stored()), "retentionPolicy": {"daysToKeep": 90}}
    made = carried((3, 0), "definition", sent, stored())
    assert stage_of(made)["retentionPolicy"]["daysToKeep"] == 90


def test_a_new_number_of_days_to_keep_leaves_nothing_in_its_old_place():
    sent = {**downgraded((3, 0), "definition", stored()), "retentionPolicy": {"daysToKeep": 90}}
    assert "retentionPolicy" not in carried((3, 0), "definition", sent, stored())


def test_a_stage_added_before_4_0_keeps_releases_as_long_as_the_definition():
    now = stored(phase(TASK))
    stage_of(now)["retentionPolicy"]["daysToKeep"] = 60
    sent = downgraded((3, 0), "definition", now)
    sent["environments"].append({"name": "QA", "deployStep": {"tasks": [TASK]}})
    made = carried((3, 0), "definition", sent, now)
    dev, added = normalised(made)["environments"]
    assert added["retentionPolicy"] == {"daysToKeep": 60, "releasesToKeep": 3, "retainBuild": True}
    assert dev["retentionPolicy"] == stage_of(now)["retentionPolicy"]
    sent["retentionPolicy"] = {"daysToKeep": 90}
    again = carried((3, 0), "definition", sent, now)["environments"]
    assert [stage["retentionPolicy"]["daysToKeep"] for stage in again] == [90, 90]


GIVEN = {"timeoutInMinutes": 33, "skipArtifactsDownload": True, "enableAccessToken": True}
TAKEN = {"timeoutInMinutes": 60, "skipArtifactsDownload": False, "enableAccessToken": False}


def test_options_changed_before_4_0_change_every_phase_on_agents():
    first, second = phase(TASK, **GIVEN), phase(TASK, rank=2, **GIVEN)
    now = stored(first, second, phase(kind="runOnServer", rank=3))
    stage_of(now)["environmentOptions"] = {**GIVEN, "badgeEnabled": True}
    sent = downgraded((3, 0), "definition", now)
    stage_of(sent)["environmentOptions"] |= TAKEN
    made = stage_of(carried((3, 0), "definition", sent, now))
    inputs = [phase["deploymentInput"] for phase in made["deployPhases"]]
    assert inputs == [TAKEN, TAKEN, {}]
    assert made["environmentOptions"].items() >= {**TAKEN, "badgeEnabled": True}.items()


def test_an_access_token_that_is_no_longer_asked_for_is_taken_away():
    now = stored(phase(TASK, **GIVEN))
    stage_of(now)["environmentOptions"] = GIVEN
    sent = downgraded((3, 0), "definition", now)
    del stage_of(sent)["environmentOptions"]["enableAccessToken"]
    (kept,) = phases_of(carried((3, 0), "definition", sent, now))
    assert kept["deploymentInput"] == {**GIVEN, "enableAccessToken": False}


def test_what_phases_ask_for_themselves_stays_where_no_option_changed():
    now = stored(phase(TASK, **GIVEN))
    sent = downgraded((3, 0), "definition", now)
    stage_of(sent)["name"] = "Development"
    (kept,) = phases_of(carried((3, 0), "definition", sent, now))
    assert kept["deploymentInput"] == GIVEN


def test_changed_run_options_count_where_the_options_did_not_change():
    now = stored(phase(TASK, timeoutInMinutes=5))
    sent = downgraded((2, 2), "definition", now)
    stage_of(sent)["runOptions"] |= {"TimeoutInMinutes": "60", "skipArtifactsDownload": "True"}
    made = stage_of(normalised(carried((2, 2), "definition", sent, now)))
    said = {"timeoutInMinutes": 60, "skipArtifactsDownload": True}
    assert made["deployPhases"][0]["deploymentInput"] == said
    assert made["environmentOptions"] == {**said, "badgeEnabled": True}


def test_options_of_a_release_changed_before_4_0_change_its_phases():
    stage = {"id": 7, "deployPhasesSnapshot": [phase(TASK, **GIVEN)], "environmentOptions": GIVEN}
    now = {"id": 3, "name": "R", "environments": [stage]}
    sent = downgraded((3, 0), "release", now)
    assert carried((3, 0), "release", sent, now)["environments"] == [stage]
    stage_of(sent)["environmentOptions"] |= TAKEN
    made = stage_of(carried((3, 0), "release", sent, now))
    assert made["deployPhasesSnapshot"][0]["deploymentInput"] == TAKEN
    assert made["environmentOptions"].items() >= TAKEN.items()


def test_a_stage_that_is_new_takes_nothing_from_the_one_in_its_place():
    sent = downgraded((3, 0), "definition", stored(phase(TASK)))
    del stage_of(sent)["id"]
    made = stage_of(normalised(carried((3, 0), "definition", sent, stored(phase(TASK)))))
    assert "preDeploymentGates" not in made
    assert made["deployPhases"][0]["name"] == "Run on agent"


@pytest.mark.parametrize("version", [(2, 2), (3, 0), (4, 1), (5, 0)])
def test_names_in_any_case_lose_nothing_that_was_not_shown(version: tuple[int, ...]):
    task = {**TASK, "environment": {"1": "v"}, "retryCountOnTaskFailure": 2}
    first = {**phase(task, agentSpecification={"identifier": "x"}), "refName": "one"}
    now = stored(first, phase(rank=2), variables={"Key": {"value": "v"}})
    sent = downgraded(version, "definition", now)
    for spelled in (str.upper, str.capitalize):
        said = spelling(sent, spelled)
        said.pop(spelled("variables"))
        again = carried(version, "definition", {**said, "Variables": sent["variables"]}, now)
        assert again == now


def spelling(value: Any, spelled: Any) -> Any:
    """A document with all its names spelled in another way."""
    match value:
        case dict():
            return {spelled(key): spelling(entry, spelled) for key, entry in value.items()}
        case list():
            return [spelling(entry, spelled) for entry in value]
        case _:
            return value


def test_a_change_under_a_name_in_another_case_counts():
    now = stored(phase(TASK), phase(rank=2))
    sent = downgraded((3, 0), "definition", now)
    sent["Environments"] = [{**stage_of(sent), "DeployStep": {"Id": "8", "Tasks": []}}]
    del sent["environments"], sent["Environments"][0]["deployStep"]
    with pytest.raises(Problem, match="several phases"):
        carried((3, 0), "definition", sent, now)
    only = stored(phase(TASK))
    assert phases_of(carried((3, 0), "definition", sent, only))[0]["workflowTasks"] == []


def test_work_of_a_release_counts_whatever_the_case_of_its_names():
    stage = {"id": 7, "deployPhasesSnapshot": [phase(TASK, queueId=2)], "workflowTasks": []}
    now = {"id": 3, "name": "R", "environments": [stage], "tags": ["kept"]}
    sent = {"ID": 3, "Environments": [{"Id": "7", "QueueId": 5, "WorkflowTasks": [TASK]}]}
    made = carried((3, 0), "release", sent, now)
    assert made["tags"] == ["kept"]
    (kept,) = made["environments"][0]["deployPhasesSnapshot"]
    assert (kept["deploymentInput"], kept["workflowTasks"]) == ({"queueId": 5}, [TASK])


@pytest.mark.parametrize("resource", ["definition", "release"])
@pytest.mark.parametrize("version", [(2, 2), (3, 0), (4, 1), (5, 0)])
def test_an_id_that_is_none_belongs_to_nothing(version: tuple[int, ...], resource: str):
    now = stored(phase(TASK), artifacts=[{"alias": "a"}])
    sent = {**downgraded(version, resource, now), "environments": [{"id": {"a": 1}}]}
    made = carried(version, resource, sent, now)
    assert made["environments"] == [{"id": {"a": 1}}]


def test_a_definition_says_its_folder_from_3_2_on():
    shown = [downgraded(version, "definition", stored()) for version in ((3, 1), (3, 2))]
    assert ["path" in document for document in shown] == [False, True]
    assert carried((3, 1), "definition", {**shown[0], "name": "W"}, stored())["path"] == "\\Shop"


@pytest.mark.parametrize("version", [(4, 0), (4, 1)])
def test_4_x_repeats_a_phase_in_the_stage_of_a_release(version: tuple[int, int]):
    body = {"deployPhasesSnapshot": [phase(TASK, queueId=3)], "workflowTasks": []}
    shown = downgraded(version, "releaseEnvironment", body)
    assert (shown["queueId"], shown["workflowTasks"]) == (3, [TASK])
    assert shown["deployPhasesSnapshot"]
    assert downgraded((5, 0), "releaseEnvironment", body) == body


def test_before_3_0_there_were_fewer_words_for_a_stage_and_a_task():
    step = {"id": 1, "attempt": 1, "releaseDeployPhases": []}
    task = {"name": "Say", "status": "failed"}
    step["releaseDeployPhases"] = [{"deploymentJobs": [{"job": {}, "tasks": [task]}]}]
    body = {"status": "partiallySucceeded", "deploySteps": [step]}
    old, newer = (downgraded(v, "releaseEnvironment", body) for v in ((2, 2, 1), (3, 0, 2)))
    assert (old["status"], old["deploySteps"][0]["tasks"][0]["status"]) == ("succeeded", "failure")
    assert newer["status"] == "partiallySucceeded"
    assert newer["deploySteps"][0]["tasks"][0]["status"] == "failed"


def test_people_were_shorter_and_nothing_was_null_before_4_0():
    ann = {"id": "1", "displayName": "Ann", "descriptor": "qm.1", "_links": {}}
    body = {"approver": ann, "approvedBy": None, "url": "http://x", "status": "pending"}
    assert downgraded((3, 2), "approval", body) == {
        "approver": {"id": "1", "displayName": "Ann"},
        "status": "pending",
    }


def test_a_release_says_for_whom_it_was_made_from_6_0_on():
    body = {"id": 1, "createdFor": {"id": "1"}}
    assert downgraded((5, 1), "release", body) == {"id": 1}
    assert downgraded((6, 0), "release", body) is body
    assert is_newest_shape((6, 0), "release")
    assert not is_newest_shape((5, 1), "release")


def test_builds_grew_in_later_versions_than_releases():
    build = {"id": 1, "appendCommitMessageToRunName": True, "templateParameters": {"a": "b"}}
    today = {"id": 7, "latestBuild": msgspec.Raw(msgspec.json.encode(build))}
    assert downgraded((7, 1), "buildDefinitionReference", today) is today
    for version, shown in (((7, 0), {"id", "templateParameters"}), ((6, 0), {"id"})):
        older = downgraded(version, "buildDefinitionReference", today)
        assert older == {"id": 7, "latestBuild": {key: build[key] for key in shown}}
        assert downgraded(version, "build", build) == older["latestBuild"]
    assert is_newest_shape((7, 1), "build")
    assert not is_newest_shape((7, 0), "build")
    assert is_newest_shape((7, 0), "buildTag")


def test_a_record_of_a_timeline_grew_from_4_1_to_6_0():
    record = {"id": "1", "attempt": 2, "previousAttempts": [], "identifier": "a", "queueId": 1}
    for version, shown in (
        ((6, 0), record.keys()),
        ((5, 1), record.keys() - {"queueId"}),
        ((5, 0), record.keys() - {"queueId", "identifier"}),
        ((4, 1), {"id"}),
    ):
        older = downgraded(version, "timeline", {"records": [record]})
        assert older == {"records": [{key: record[key] for key in shown}]}


def test_merging_keeps_what_was_not_shown_and_takes_what_was_changed():
    now = {"a": 1, "hidden": 2, "gone": 3, "list": [{"id": 1, "x": 1, "h": 1}, {"id": 2, "x": 2}]}
    seen = {"a": 1, "made": 0, "gone": 3, "list": [{"id": 1, "x": 1}, {"id": 2, "x": 2}]}
    sent = {"a": 9, "made": 0, "new": 4, "list": [{"id": 2, "x": 2}, {"id": 1, "x": 5}, {"x": 7}]}
    assert merged(now, seen, sent) == {
        "a": 9,
        "hidden": 2,
        "new": 4,
        "list": [{"id": 2, "x": 2}, {"id": 1, "x": 5, "h": 1}, {"x": 7}],
    }


@pytest.mark.parametrize(
    ("version", "resource", "said", "meant"),
    [
        ((2, 2, 1), "releaseUpdateMetadata", 6, "abandoned"),
        ((2, 3, 1), "releaseEnvironmentUpdateMetadata", 4, "inProgress"),
        ((3, 0, 1), "releaseUpdateMetadata", 2, "abandoned"),
        ((3, 0, 1), "releaseUpdateMetadata", "3", "active"),
        ((3, 0, 1), "releaseEnvironmentUpdateMetadata", 6, "canceled"),
        ((3, 0, 1), "releaseEnvironmentUpdateMetadata", 2, "notStarted"),
        ((3, 0, 1), "releaseEnvironmentUpdateMetadata", 5, "inProgress"),
        ((2, 2, 1), "releaseEnvironmentUpdateMetadata", 1, "notStarted"),
        ((2, 2, 1), "releaseEnvironmentUpdateMetadata", 5, "canceled"),
        ((2, 2, 1), "releaseEnvironmentUpdateMetadata", "6", "canceled"),
        ((2, 2, 1), "releaseEnvironmentUpdateMetadata", "Abandoned", "canceled"),
        ((2, 2, 1), "releaseEnvironmentUpdateMetadata", "pending", "notStarted"),
        ((3, 0, 1), "releaseUpdateMetadata", "Abandoned", "Abandoned"),
        ((3, 0, 2), "releaseUpdateMetadata", 2, 2),
        ((7, 1, 1), "releaseEnvironmentUpdateMetadata", 8, 8),
        ((3, 0, 1), "approval", 2, 2),
    ],
)
def test_a_number_means_what_it_meant_then(
    version: tuple[int, ...], resource: str, said: Any, meant: Any
):
    assert upgraded(version, resource, {"Status": said}) == {"Status": meant}


def test_3_0_preview_1_still_has_the_old_words_for_results():
    task = {"name": "Say", "status": "succeeded"}
    phases = [{"deploymentJobs": [{"job": {}, "tasks": [task]}]}]
    body = {"deploySteps": [{"id": 1, "attempt": 1, "releaseDeployPhases": phases}]}
    (step,) = downgraded((3, 0, 1), "releaseEnvironment", body)["deploySteps"]
    assert step["tasks"][0]["status"] == "success"


def test_each_version_shows_only_the_fields_that_it_had() -> None:
    task = {**TASK, "retryCountOnTaskFailure": 2, "environment": {"A": "b"}}
    trigger = {
        "triggerType": "artifactSource",
        "triggerConditions": [{"tagFilter": {"pattern": "v"}, "createReleaseOnBuildTagging": True}],
    }
    made = phase(task, agentSpecification={"identifier": "x"}, refName="kept")
    now = stored(made, triggers=[trigger], refName="nobody published this", projectReference=None)

    def seen(version: tuple[int, ...]) -> Any:
        shown = downgraded(version, "definition", now)
        phases = stage_of(shown)["deployPhases"]
        return shown, phases[0]["workflowTasks"][0], phases[0]["deploymentInput"]

    assert seen((6, 0))[1:] == (task, made["deploymentInput"])
    shown, tasks, given = seen((5, 2))
    assert "retryCountOnTaskFailure" not in tasks
    assert (tasks["environment"], given["agentSpecification"]["identifier"]) == ({"A": "b"}, "x")
    assert shown["triggers"] == [trigger]
    shown, _, given = seen((5, 0))
    assert given == {"refName": "kept"}
    assert shown["triggers"][0]["triggerConditions"] == [{"createReleaseOnBuildTagging": True}]
    assert "projectReference" in shown
    shown, tasks, _ = seen((4, 1))
    assert shown["triggers"][0]["triggerConditions"] == [{}]
    assert shown["refName"] == "nobody published this"
    assert "environment" not in tasks
    assert "projectReference" not in shown


def test_a_task_put_in_front_takes_nothing_from_those_behind_it() -> None:
    first, second = {**TASK, "retryCountOnTaskFailure": 3}, {**TASK, "name": "Then"}
    now = stored(phase(first, second))
    sent = downgraded((5, 1), "definition", now)
    new = {**TASK, "name": "Before"}
    tasks = stage_of(sent)["deployPhases"][0]["workflowTasks"]
    stage_of(sent)["deployPhases"][0]["workflowTasks"] = [new, *tasks]
    kept = stage_of(carried((5, 1), "definition", sent, now))["deployPhases"][0]["workflowTasks"]
    assert kept == [new, first, second]


OTHER = {**TASK, "taskId": "6c731c3c-3c68-459a-a5c9-bde6e6595b5b"}


@pytest.mark.parametrize("second", [{**TASK, "inputs": {"script": "b"}}, OTHER])
def test_a_task_renamed_after_one_was_deleted_keeps_its_own_and_not_the_others(
    second: dict[str, Any],
) -> None:
    first = {**TASK, "name": "A", "environment": {"K": "of the first"}}
    second = {**second, "name": "B", "environment": {"K": "of the second"}}
    now = stored(phase(first, second))
    sent = downgraded((4, 1), "definition", now)
    made = stage_of(sent)["deployPhases"][0]
    made["workflowTasks"] = [{**made["workflowTasks"][1], "name": "B2"}]
    (kept,) = stage_of(carried((4, 1), "definition", sent, now))["deployPhases"][0]["workflowTasks"]
    assert kept == {**second, "name": "B2"}


def test_another_task_in_the_place_of_one_takes_nothing_from_it() -> None:
    now = stored(phase({**TASK, "environment": {"K": "v"}}))
    sent = downgraded((4, 1), "definition", now)
    stage_of(sent)["deployPhases"][0]["workflowTasks"] = [OTHER]
    made = stage_of(carried((4, 1), "definition", sent, now))
    assert made["deployPhases"][0]["workflowTasks"] == [OTHER]


def test_tasks_of_one_name_that_were_all_edited_keep_their_order() -> None:
    now = stored(phase(*({**TASK, "environment": {"K": text}} for text in "ab")))
    sent = downgraded((4, 1), "definition", now)
    tasks = stage_of(sent)["deployPhases"][0]["workflowTasks"]
    tasks[:] = [{**task, "enabled": False} for task in tasks]
    made = stage_of(carried((4, 1), "definition", sent, now))["deployPhases"][0]["workflowTasks"]
    assert [task["environment"]["K"] for task in made] == ["a", "b"]


def test_a_phase_edited_after_one_was_deleted_keeps_its_own_name_for_reference() -> None:
    phases = [{**phase(TASK, rank=rank), "refName": f"Job_{rank}"} for rank in (1, 2)]
    now = stored(*phases)
    sent = downgraded((4, 1), "definition", now)
    left = stage_of(sent)["deployPhases"][1]
    stage_of(sent)["deployPhases"] = [{**left, "rank": 1, "workflowTasks": []}]
    (kept,) = stage_of(carried((4, 1), "definition", sent, now))["deployPhases"]
    assert kept["refName"] == "Job_2"


def test_an_edited_task_keeps_what_its_editor_could_not_see() -> None:
    now = stored(phase({**TASK, "retryCountOnTaskFailure": 3}))
    sent = downgraded((5, 1), "definition", now)
    stage_of(sent)["deployPhases"][0]["workflowTasks"][0]["name"] = "Other"
    (kept,) = stage_of(carried((5, 1), "definition", sent, now))["deployPhases"][0]["workflowTasks"]
    assert kept == {**TASK, "name": "Other", "retryCountOnTaskFailure": 3}


def test_before_5_0_words_are_those_of_the_time() -> None:
    gates = {"status": "canceled", "ignoredGates": []}
    attempt = {
        "reason": "redeployTrigger",
        "preDeploymentGates": gates,
        "postDeploymentGates": None,
    }
    release = {
        "reason": "pullRequest",
        "description": "words",
        "environments": [{"deploySteps": [attempt], "status": "succeeded"}],
    }
    shown = downgraded((4, 1), "release", release)
    assert shown["reason"] == "continuousIntegration"
    (environment,) = shown["environments"]
    assert environment["releaseDescription"] == "words"
    assert environment["deploySteps"] == [
        {
            "reason": "automated",
            "preDeploymentGates": {"status": "failed"},
            "postDeploymentGates": None,
        }
    ]
    assert downgraded((5, 0), "release", release)["reason"] == "pullRequest"
    artifact = downgraded((4, 1), "agentArtifactDefinition", {"artifactType": "tfGit"})
    assert artifact == {"artifactType": "tFGit"}
    change = {"id": "c", "pushedBy": {"displayName": "Ann"}}
    assert downgraded((4, 1), "change", change) == {"id": "c", "pusher": "Ann"}
