"""Deployment groups and their targets in their published shape."""

from typing import Any

from quaymaster.apis.azure.values import date_out
from quaymaster.store.resources.deployment_groups import DeploymentGroup
from quaymaster.store.resources.targets import KeptTarget


def group(found: DeploymentGroup) -> dict[str, Any]:
    """A DeploymentGroup without its machines."""
    return {
        "id": found.id,
        "name": found.name,
        "description": found.description,
        "machineCount": found.target_count,
        "project": {"id": str(found.project_id), "name": found.project_name},
        "pool": {
            "id": found.pool_id,
            "name": found.pool_name,
            "isHosted": False,
            "poolType": "deployment",
            "size": found.target_count,
        },
    }


def with_machines(found: DeploymentGroup, targets: list[KeptTarget]) -> dict[str, Any]:
    """The same with its machines and all of their tags."""
    tags = {tag.casefold(): tag for one in targets for tag in one.tags}
    machines = [target(one) for one in targets]
    return {**group(found), "machines": machines, "machineTags": sorted(tags.values())}


def target(found: KeptTarget, *, shows_capabilities: bool = False) -> dict[str, Any]:
    """A DeploymentMachine; it and its agent have one id."""
    agent: dict[str, Any] = {
        "id": found.id,
        "name": found.name,
        "version": found.capabilities.get("Agent.Version", ""),
        "osDescription": found.capabilities.get("Agent.OS", ""),
        "enabled": True,
        "status": "online" if found.is_online else "offline",
        "provisioningState": "Provisioned",
        "maxParallelism": 1,
        "createdOn": date_out(found.created_at),
        "statusChangedOn": None if found.is_online else date_out(found.last_seen_at),
    }
    if shows_capabilities:
        agent["systemCapabilities"] = dict(found.capabilities)
    return {"id": found.id, "tags": list(found.tags), "properties": {}, "agent": agent}
