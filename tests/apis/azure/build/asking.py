"""Asks for builds as clients do, and makes build definitions to ask for."""

from typing import Any

from tests.apis.azure.server import Server

BASH = "6c731c3c-3c68-459a-a5c9-bde6e6595b5b"


def step(script: str = "echo hello", **changes: Any) -> Any:
    """A step that runs a shell script."""
    return {
        "task": {"id": BASH, "versionSpec": "3.*", "definitionType": "task"},
        "displayName": "Script",
        "enabled": True,
        "inputs": {"targetType": "inline", "script": script},
        **changes,
    }


def definition(name: str, *steps: Any, **changes: Any) -> Any:
    """A designer definition with one phase."""
    phase = {"name": "Job", "refName": "Job", "condition": "succeeded()", "target": {"type": 1}}
    return {
        "name": name,
        "process": {"type": 1, "phases": [{**phase, "steps": list(steps) or [step()]}]},
        "repository": {"type": "Git", "id": "web", "name": "web", "defaultBranch": "main"},
        "queue": {"name": "Default"},
        **changes,
    }


async def asked(server: Server, method: str, path: str, status: int = 200, **more: Any) -> Any:
    """What a request to the build area answers, which must have this status."""
    answer = await server.ask(method, f"/default/Default/_apis/build/{path}", **more)
    assert answer.status_code == status, answer.text
    kind = answer.headers.get("content-type", "")
    return answer.json() if kind.startswith("application/json") else answer.content


async def made(server: Server, name: str, *steps: Any, **changes: Any) -> Any:
    """A definition that was just saved."""
    return await asked(server, "POST", "definitions", json=definition(name, *steps, **changes))


async def queued(server: Server, of: Any, status: int = 200, **changes: Any) -> Any:
    """What queueing a build of the definition answers."""
    body = {"definition": {"id": of["id"]}, **changes}
    return await asked(server, "POST", "builds", status, json=body)


async def names(server: Server, query: str = "") -> list[str]:
    """The names that a list of definitions has."""
    body = await asked(server, "GET", f"definitions?{query}")
    assert body["count"] == len(body["value"])
    return [one["name"] for one in body["value"]]


def artifact_of(project: str, build: int, name: str) -> dict[str, Any]:
    """The latest build of a build definition, as the artifact `_ci` of a release definition."""
    reference = {
        "project": {"id": project, "name": "Default"},
        "definition": {"id": str(build), "name": name},
        "defaultVersionType": {"id": "latestType", "name": "Latest"},
    }
    return {"alias": "_ci", "type": "Build", "isPrimary": True, "definitionReference": reference}
