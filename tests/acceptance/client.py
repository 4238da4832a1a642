"""Somebody who works with the product through Microsoft's unmodified Python package."""

from typing import Any

from azure.devops.connection import Connection
from msrest.authentication import BasicAuthentication, BasicTokenAuthentication

CMD_LINE = "d9bafed4-0b18-4f58-968d-86655b4d2ce9"
PROJECT = "Default"


class Visitor:
    """The client's own objects, signed in with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = f"{url}/default"
        self.token = token
        self.connection = Connection(base_url=self.url, creds=BasicAuthentication("", token))

    @property
    def releases(self) -> Any:
        """The release client of version 7.1."""
        return self.connection.clients_v7_1.get_release_client()

    def with_version(self, version: str) -> Any:
        """The release client of another version, such as v7_0, or the `released` default."""
        name = "clients" if version == "released" else f"clients_{version}"
        return getattr(self.connection, name).get_release_client()

    def with_bearer(self) -> Any:
        creds = BasicTokenAuthentication({"access_token": self.token})
        return Connection(base_url=self.url, creds=creds).clients_v7_1.get_release_client()

    @property
    def id(self) -> str:
        location = self.connection.clients_v7_1.get_location_client()
        found: str = location.get_connection_data().authenticated_user.id
        return found


def stage(name: str, *after: str, script: str = "echo hello", **more: Any) -> dict[str, Any]:
    """An environment of a definition that runs one script after these environments."""
    conditions = [
        {"conditionType": "environmentState", "name": previous, "value": "4"} for previous in after
    ] or [{"conditionType": "event", "name": "ReleaseStarted", "value": ""}]
    task = {
        "taskId": CMD_LINE,
        "version": "2.*",
        "name": f"Deploy to {name}",
        "enabled": True,
        "inputs": {"script": script},
    }
    phase = {
        "phaseType": "agentBasedDeployment",
        "name": "Run on agent",
        "rank": 1,
        "deploymentInput": {"queueId": 1},
        "workflowTasks": [task],
    }
    return {
        "name": name,
        "conditions": conditions,
        "deployPhases": [phase],
        "retentionPolicy": {"daysToKeep": 30, "releasesToKeep": 3, "retainBuild": True},
        **more,
    }


def asks(*people: str) -> dict[str, Any]:
    """The approvals of one side of an environment."""
    return {
        "approvals": [
            {"rank": rank, "isAutomated": False, "approver": {"id": who}}
            for rank, who in enumerate(people, 1)
        ]
    }


def definition(name: str, *stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "path": "\\",
        "releaseNameFormat": "Release-$(rev:r)",
        "environments": list(stages),
        **more,
    }
