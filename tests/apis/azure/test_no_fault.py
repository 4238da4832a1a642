"""Whatever is sent, the answer is one of the contract's and never a fault of ours (R-45)."""

import json
import random
import re
from typing import Any

from quaymaster.apis.azure import router
from tests.apis.azure.server import Server
from tests.documents import asks, definition, stage

SEED = 20261121
ROUNDS = 12
ODD: list[Any] = [
    None,
    True,
    0,
    1,
    -1,
    2**31,
    2**63,
    1.5,
    "",
    "1",
    "x",
    "approved",
    "inProgress",
    "active",
    "a" * 300,
    "é\u0301🚀",
    "\u202e",
    "' OR 1=1 --",
    "{0}%s$(x)",
    "2024-03-15",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59.9999999Z",
    "00000000-0000-0000-0000-000000000000",
    [],
    [1],
    ["x"],
    [None],
    {},
    {"id": 1},
    {"x": None},
    {"value": "x", "isSecret": True},
]
PARAMETERS = re.findall(
    r"\w+",
    """searchText expand artifactType artifactSourceId top continuationToken queryOrder path
    isExactNameMatch tagFilter propertyFilters definitionIdFilter isDeleted revision definitionId
    definitionEnvironmentId createdBy statusFilter environmentStatusFilter minCreatedTime
    maxCreatedTime artifactTypeId sourceId artifactVersionId sourceBranchFilter releaseIdFilter
    approvalFilters topGateRecords definitionSnapshotRevision assignedToFilter releaseIdsFilter
    typeFilter includeMyGroupApprovals minModifiedTime maxModifiedTime deploymentStatus
    operationStatus latestAttemptsOnly createdFor minStartedTime maxStartedTime sourceBranch
    releaseCount startLine endLine comment forceDelete includeHistory skip projectName
    templateId taskGroupId artifactAlias baseReleaseId minMetricsTime identityId attemptId
    favoriteItemIds""",
)
PROPERTIES = re.findall(
    r"\w+",
    """id name path revision status comments comment approver environments artifacts variables
    definitionId description isDraft manualEnvironments reason properties environmentsMetadata
    keepForever scheduledDeploymentTime tags triggers releaseNameFormat gatesToIgnore
    deploymentsPerEnvironment deploymentStatus operationStatus expands artifactVersions
    subject body to cc replyTo sections environment category data type currentValues
    inputValues resource enforceJobAuthScope orgEnforceJobAuthScope""",
)


def routes() -> list[tuple[str, str]]:
    return [
        (method, route.path)
        for route in router.application(1000).routes
        for method in sorted(route.methods)  # type: ignore[attr-defined]
        if method != "OPTIONS"
    ]


def some(dice: random.Random, names: list[str], most: int) -> dict[str, Any]:
    return {name: dice.choice(ODD) for name in dice.sample(names, dice.randint(0, most))}


def changed(dice: random.Random, value: Any) -> Any:
    """The document with a few of its values replaced by odd ones."""
    match value:
        case dict():
            return {
                key: dice.choice(ODD) if dice.random() < 0.05 else changed(dice, inner)
                for key, inner in value.items()
            }
        case list():
            return [changed(dice, inner) for inner in value]
        case _:
            return value


async def test_odd_requests_of_every_route_never_break_the_server(server: Server):
    dice = random.Random(SEED)
    whole = definition("Web", stage("Dev", preDeployApprovals=asks(await server.me())))
    made = await server.made("definitions", whole)
    await server.made("releases", {"definitionId": made["id"]})
    faults = []
    for method, template in routes() * ROUNDS:
        path = re.sub(r"\{\w+:\w+\}", lambda _: dice.choice(["1", "1", "2", "x", "%5CA"]), template)
        query = {
            key: value for key, value in some(dice, PARAMETERS, 4).items() if value is not None
        }
        body: Any = some(dice, PROPERTIES, 6)
        if "definitions" in path and dice.random() < 0.7:
            body = changed(dice, made if method == "PUT" else {**whole, "name": dice.random()})
        sent = {"content": json.dumps(body)} if method in ("POST", "PUT", "PATCH") else {}
        answer = await server.ask(method, f"/default/Default/_apis{path}", params=query, **sent)
        if answer.status_code >= 500 and answer.status_code != 501:
            faults.append(f"{method} {path} {query} {sent}: {answer.text[:200]}")
    assert not faults, "\n".join(faults[:20])
