"""Two dialects, one engine and one history."""

from datetime import UTC, datetime, timedelta
from typing import Any

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import happen
from quaymaster.actions.repositories import repositories
from quaymaster.domain.changes import TimeCame
from quaymaster.domain.release import ReleaseId
from quaymaster.store.postgres import due
from tests import documents
from tests.apis.aviator.server import Aviator

FREEZE = {"reason": "Closing the books"}


async def definition(aviator: Aviator) -> dict[str, Any]:
    listed = await aviator.azure.seen("definitions?api-version=7.1")
    [found] = [one for one in listed["value"] if one["name"] == aviator.project]
    whole: dict[str, Any] = await aviator.azure.seen(f"definitions/{found['id']}?api-version=7.1")
    return whole


async def release(aviator: Aviator, name: str) -> dict[str, Any]:
    listed = await aviator.azure.seen("releases?api-version=7.1&$top=100")
    [found] = [one for one in listed["value"] if one["name"] == name]
    whole: dict[str, Any] = await aviator.azure.seen(f"releases/{found['id']}?api-version=7.1")
    return whole


async def asks(aviator: Aviator, who: str) -> None:
    """Have this person approve every deployment to the environment, by the other dialect."""
    document = await definition(aviator)
    step = {"rank": 1, "isAutomated": False, "approver": {"id": who}}
    document["environments"][0]["preDeployApprovals"]["approvals"] = [step]
    answer = await aviator.azure.project("PUT", "definitions?api-version=7.1", json=document)
    assert answer.status_code == 200, answer.text


async def wake(aviator: Aviator, later: timedelta = timedelta(0)) -> None:
    """Look at whatever is due, as a worker would."""
    now = datetime.now(UTC) + later
    async with aviator.database.read() as connection:
        numbers = await due.releases_due(connection, now)
    for number in numbers:
        call = Call(aviator.azure.installation, now=now)
        await happen(call, ReleaseId(number), TimeCame())


async def test_cut_by_one_approved_in_the_other_rolled_back_by_the_first(aviator: Aviator):
    await aviator.history([("1.0-rc1", "success")])
    await asks(aviator, await aviator.azure.me())
    assert (await aviator.cut("1.1-rc1")).status_code == 201
    assert (await aviator.deploy("1.1-rc1")).json()["status"] == "pending"
    asked = await aviator.azure.seen("approvals?api-version=7.1")
    [question] = asked["value"]
    assert question["release"]["name"] == "1.1-rc1"
    path = f"approvals/{question['id']}?api-version=7.1"
    answer = await aviator.azure.project("PATCH", path, json={"status": "approved"})
    assert answer.status_code == 200, answer.text
    assert (await aviator.report("1.1-rc1", "success")).json()["from_release_version"] == "1.0"
    back = await aviator.roll_back()
    assert back.json()["release_candidate_version"] == "1.0-rc1"
    shown = await release(aviator, "1.0-rc1")
    attempts = shown["environments"][0]["deploySteps"]
    assert [one["attempt"] for one in attempts] == [1, 2]
    listed = await aviator.azure.seen("deployments?api-version=7.1")
    names = [one["release"]["name"] for one in listed["value"]]
    assert names == [one["release_candidate_version"] for one in await aviator.listed()]
    history = await aviator.azure.seen(f"releases/{shown['id']}/history?api-version=7.1")
    assert history["count"] > 4


async def test_a_release_of_the_other_dialect_is_a_candidate_here(aviator: Aviator):
    number = (await definition(aviator))["id"]
    artifacts = [{"alias": "repository", "instanceReference": {"id": "b" * 40}}]
    body = {"definitionId": number, "artifacts": artifacts}
    made = await aviator.azure.made("releases?api-version=7.1", body)
    assert made["name"].endswith("-1-rc1")
    assert (await aviator.deploy(made["name"])).status_code == 201
    assert await aviator.shown() == [(made["name"], "pending")]


async def test_what_was_told_is_seen_by_the_other(aviator: Aviator):
    await aviator.history([("1.0-rc1", "failure"), ("1.1-rc1", "unknown"), ("1.2-rc1", "error")])
    shown = {
        name: (await release(aviator, name))["environments"][0]["status"]
        for name in ("1.0-rc1", "1.1-rc1", "1.2-rc1")
    }
    assert shown == {"1.0-rc1": "rejected", "1.1-rc1": "undefined", "1.2-rc1": "rejected"}


async def test_a_freeze_binds_both_and_what_waits_starts_by_itself(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    assert (await aviator.here("PUT", "/freeze", json=FREEZE)).json()["frozen"] is True
    answer = await aviator.deploy("1.0-rc1")
    assert (answer.status_code, answer.json()) == (400, {"error": "Environment is frozen"})
    shown = await release(aviator, "1.0-rc1")
    path = f"releases/{shown['id']}/environments/{shown['environments'][0]['id']}"
    start = {"status": "inProgress"}
    answer = await aviator.azure.project("PATCH", f"{path}?api-version=7.1", json=start)
    assert answer.status_code == 200
    assert (await release(aviator, "1.0-rc1"))["environments"][0]["status"] == "scheduled"
    reasons = await aviator.azure.seen(f"{path}/explain?api-version=7.1")
    assert "freeze" in {one["kind"] for one in reasons["reasons"]}
    assert (await aviator.here("DELETE", "/freeze")).json()["frozen"] is False
    await wake(aviator)
    assert (await release(aviator, "1.0-rc1"))["environments"][0]["status"] == "inProgress"


async def test_what_waits_for_the_end_of_a_freeze_is_due_then(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    until = datetime.now(UTC) + timedelta(hours=2)
    await aviator.here("PUT", "/freeze", json={**FREEZE, "until": until.isoformat()})
    shown = await release(aviator, "1.0-rc1")
    path = f"releases/{shown['id']}/environments/{shown['environments'][0]['id']}?api-version=7.1"
    await aviator.azure.project("PATCH", path, json={"status": "inProgress"})
    await wake(aviator, timedelta(hours=1))
    assert (await release(aviator, "1.0-rc1"))["environments"][0]["status"] == "scheduled"
    await wake(aviator, timedelta(hours=2, seconds=1))
    assert (await release(aviator, "1.0-rc1"))["environments"][0]["status"] == "inProgress"


async def test_a_freeze_can_be_overridden_with_a_reason(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    await aviator.here("PUT", "/freeze", json=FREEZE)
    shown = await release(aviator, "1.0-rc1")
    path = f"releases/{shown['id']}/environments/{shown['environments'][0]['id']}?api-version=7.1"
    start = {"status": "inProgress", "freezeOverrideReason": "The shop is down."}
    token = await aviator.azure.user("carl", "vso.full", groups=("Contributors",))
    answer = await aviator.azure.project("PATCH", path, json=start, token=token)
    assert answer.status_code == 403
    answer = await aviator.azure.project("PATCH", path, json=start)
    assert answer.status_code == 200
    assert (await release(aviator, "1.0-rc1"))["environments"][0]["status"] == "inProgress"


async def test_the_whole_organization_is_frozen_by_the_other_dialect(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    body = {"scope": "organization", "reason": "Christmas"}
    made = await aviator.azure.made("freezes?api-version=7.1", body)
    assert (await aviator.deploy("1.0-rc1")).json() == {"error": "Environment is frozen"}
    listed = await aviator.azure.seen("freezes?api-version=7.1")
    assert [one["scope"] for one in listed["value"]] == ["organization"]
    lifted = await aviator.azure.project("DELETE", f"freezes/{made['id']}?api-version=7.1")
    assert lifted.status_code == 204
    assert (await aviator.deploy("1.0-rc1")).status_code == 201


async def test_outside_of_every_window_nothing_starts(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    closed = datetime.now(UTC) + timedelta(days=1)
    window = {"kind": "allow", "reason": "Office hours", "from": closed.isoformat()}
    await aviator.here("PUT", "/freeze", json=window)
    assert (await aviator.deploy("1.0-rc1")).json() == {"error": "Environment is frozen"}
    opened = {**window, "from": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
    await aviator.here("PUT", "/freeze", json=opened)
    assert (await aviator.deploy("1.0-rc1")).status_code == 201


async def test_a_rollback_by_the_other_dialect_to_a_named_release(aviator: Aviator):
    await aviator.history([(f"1.{number}-rc1", "success") for number in range(3)])
    document = await definition(aviator)
    path = f"definitions/{document['id']}/environments/{document['environments'][0]['id']}"
    plan = await aviator.azure.seen(f"{path}/rollback?api-version=7.1")
    assert plan["target"]["releaseName"] == "1.1-rc1"
    gone = await aviator.azure.project("POST", f"{path}/rollback", json={"releaseId": 999})
    assert gone.status_code == 404
    assert (
        "has no deployment of release 999 that ended well to go back to" in gone.json()["message"]
    )
    first = await release(aviator, "1.0-rc1")
    body = {"releaseId": first["id"], "comment": "1.1 was no better."}
    answer = await aviator.azure.project("POST", f"{path}/rollback?api-version=7.1", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["isRollback"] is True
    assert (await aviator.shown())[0] == ("1.0-rc1", "pending")
    resumed = await aviator.azure.project("DELETE", f"{path}/hold?api-version=7.1")
    assert resumed.status_code == 204


async def test_a_rollback_passes_over_what_was_deleted_and_starts_nothing_in_a_freeze(
    aviator: Aviator,
):
    """R-34."""
    await aviator.history([(f"1.{number}-rc1", "success") for number in range(3)])
    gone = await release(aviator, "1.1-rc1")
    deleted = await aviator.azure.project("DELETE", f"releases/{gone['id']}?api-version=7.1")
    assert deleted.status_code == 204, deleted.text
    document = await definition(aviator)
    path = f"definitions/{document['id']}/environments/{document['environments'][0]['id']}"
    plan = await aviator.azure.seen(f"{path}/rollback?api-version=7.1")
    assert plan["target"]["releaseName"] == "1.0-rc1"
    before = await aviator.shown()
    await aviator.here("PUT", "/freeze", json=FREEZE)
    refused = await aviator.azure.project("POST", f"{path}/rollback?api-version=7.1", json={})
    assert refused.status_code == 400
    assert "frozen" in refused.text
    assert await aviator.shown() == before


async def test_a_quarantined_version_is_no_target_and_cannot_be_deployed(aviator: Aviator):
    await aviator.history([(f"1.{number}-rc1", "success") for number in range(3)])
    path = "/releases/1.1-rc1/quarantine"
    assert (await aviator.in_project("PUT", path, json={"reason": "Bad"})).status_code == 200
    answer = await aviator.deploy("1.1-rc1")
    assert answer.status_code == 400
    assert (await aviator.here("GET", "/rollback")).json()["target"]["release_version"] == "1.0"
    assert (await aviator.in_project("DELETE", path)).status_code == 200
    assert (await aviator.here("GET", "/rollback")).json()["target"]["release_version"] == "1.1"


async def test_an_environment_younger_than_a_candidate(aviator: Aviator):
    await aviator.cut("1.0-rc1")
    await aviator.with_environment("staging")
    path = "/environments/staging/deployments"
    body = {"release_candidate_version": "1.0-rc1"}
    assert (await aviator.in_project("POST", path, json=body)).status_code == 201
    told = await aviator.in_project("PATCH", path, json={**body, "status": "success"})
    assert told.json()["environment_name"] == "staging"
    shown = await release(aviator, "1.0-rc1")
    assert [one["name"] for one in shown["environments"]] == ["production", "staging"]


async def plain(aviator: Aviator, *stages: str) -> dict[str, Any]:
    """A definition that the other dialect made, of no repository."""
    document = documents.definition("plain", *map(documents.stage, stages))
    made: dict[str, Any] = await aviator.azure.made("definitions?api-version=7.1", document)
    return made


async def test_an_environment_of_a_definition_of_the_other_dialect_can_be_set(aviator: Aviator):
    made = await plain(aviator, "QA")
    path = "/plain/environments/QA"
    for body in ({}, {"rollback_on_failure": True}):
        answer = await aviator.ask("PATCH", path, json=body)
        assert answer.status_code == 200, answer.text
    assert (await aviator.ask("GET", path)).json()["settings"] == {"rollback_on_failure": True}
    shown = await aviator.azure.seen(f"definitions/{made['id']}?api-version=7.1")
    assert len(shown["environments"][0]["environmentTriggers"]) == 1
    assert [one["name"] for one in (await aviator.ask("GET")).json()] == ["plain", "shop"]
    assert not await holds(aviator, made["id"], made["environments"][0]["id"])
    await aviator.ask("PATCH", path, json={"hold_after_rollback": True})
    assert await holds(aviator, made["id"], made["environments"][0]["id"])


async def holds(aviator: Aviator, definition: int, environment: int) -> bool:
    """Whether an automatic rollback of the environment leaves it held."""
    async with aviator.database.read() as connection:
        call = Call(aviator.azure.installation)
        found = await repositories.numbered(connection, call, definition, environment)
    return repositories.holds_after_rollback(found)


async def test_an_environment_that_the_other_dialect_added_is_held_after_a_rollback_too(
    aviator: Aviator,
):
    """As all those of a repository, although nothing was ever set for it."""
    document = await definition(aviator)
    document["environments"].append(documents.stage("Added", rank=2))
    sent = await aviator.azure.project("PUT", "definitions?api-version=7.1", json=document)
    assert sent.status_code == 200, sent.text
    assert await holds(aviator, document["id"], sent.json()["environments"][1]["id"])


async def test_names_with_a_slash_and_names_that_look_encoded(aviator: Aviator):
    made = await plain(aviator, "QA/EU", "QA%2fEU", "Last/")
    for sent, stage in zip(("QA%2fEU", "QA%252fEU", "Last%2F"), made["environments"], strict=True):
        answer = await aviator.ask("GET", f"/plain/environments/{sent}")
        assert answer.status_code == 200, answer.text
        assert (answer.json()["id"], answer.json()["name"]) == (str(stage["id"]), stage["name"])
    answer = await aviator.ask("GET", "/plain/environments/QA/EU")
    assert answer.status_code == 404


async def test_a_blank_reason_overrides_no_freeze(aviator: Aviator):
    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "success")])
    await aviator.cut("1.2-rc1")
    await aviator.here("PUT", "/freeze", json=FREEZE)
    shown = await release(aviator, "1.2-rc1")
    path = f"releases/{shown['id']}/environments/{shown['environments'][0]['id']}?api-version=7.1"
    start = {"status": "inProgress", "freezeOverrideReason": " \t "}
    assert (await aviator.azure.project("PATCH", path, json=start)).status_code == 200
    assert (await release(aviator, "1.2-rc1"))["environments"][0]["status"] == "scheduled"
    document = await definition(aviator)
    path = f"definitions/{document['id']}/environments/{document['environments'][0]['id']}"
    before = await aviator.shown()
    back = await aviator.azure.project(
        "POST", f"{path}/rollback?api-version=7.1", json={"overrideReason": "   "}
    )
    assert back.status_code >= 400
    assert "is frozen" in back.json()["message"]
    assert await aviator.shown() == before


async def test_a_freeze_that_would_be_over_is_refused_and_the_one_before_stays(aviator: Aviator):
    await aviator.here("PUT", "/freeze", json=FREEZE)
    over = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    answer = await aviator.here("PUT", "/freeze", json={"reason": "Late", "until": over})
    assert answer.status_code == 400
    assert "lies in the past" in answer.json()["error"]
    assert [one["reason"] for one in (await aviator.here("GET", "")).json()["freezes"]] == [
        FREEZE["reason"]
    ]
    body = {"scope": "project", "reason": "Late", "until": over}
    answer = await aviator.azure.project("POST", "freezes?api-version=7.1", json=body)
    assert answer.status_code == 400
    listed = await aviator.azure.seen("freezes?api-version=7.1")
    assert [one["reason"] for one in listed["value"]] == [FREEZE["reason"]]


async def test_it_is_told_what_a_deployment_waits_for(aviator: Aviator) -> None:
    """Held, frozen and in quarantine: nobody has to guess why nothing happens (AVIATOR 5, 6)."""
    await aviator.history([("1.0-rc1", "success"), ("1.1-rc1", "success")])

    async def waits_for(number: str) -> str:
        answer = await aviator.here("GET", f"/deployments/{number}?expand=reasons,workflow")
        assert answer.json()["workflow"] is None
        return " ".join(one["text"] for one in answer.json()["reasons"])

    assert (await aviator.here("GET", "")).json()["held"] is None
    frozen = (await aviator.here("PUT", "/freeze", json={"reason": "Sale"})).json()
    assert [one["by"] for one in frozen["freezes"]] == ["admin"]
    await aviator.here("DELETE", "/freeze")
    back = (await aviator.roll_back()).json()
    assert "it waits to be told" in await waits_for(back["id"])
    held = (await aviator.here("GET", "")).json()["held"]
    assert (held["reason"], held["by"]) == ("Rolled back.", "admin")
    listed = (await aviator.in_project("GET", "/environments")).json()
    assert [one["held"] for one in listed] == [held]
    assert (await aviator.report("1.0-rc1", "success")).status_code == 200
    assert await waits_for(back["id"]) == ""
    await aviator.here("POST", "/resume", json={})
    assert (await aviator.here("GET", "")).json()["held"] is None
    path = "/releases/1.1-rc1"
    await aviator.in_project("PUT", f"{path}/quarantine", json={"reason": "It loses orders."})
    shown = (await aviator.in_project("GET", f"{path}?expand=build,quarantine")).json()
    assert (shown["quarantine"], shown["build"]["status"]) == (
        {"reason": "It loses orders."},
        "success",
    )
    text = """{ releaseProject(name: "shop") { release(version: "1.1") {
      latestCandidate { quarantineReason } } environment(name: "production") { holdReason } } }"""
    asked = (await aviator.azure.ask("POST", "/graphql", json={"query": text})).json()["data"]
    assert asked["releaseProject"] == {
        "release": {"latestCandidate": {"quarantineReason": "It loses orders."}},
        "environment": {"holdReason": None},
    }
