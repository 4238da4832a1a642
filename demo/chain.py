"""The last chapter: a push to the repository is built, and what was built is released to Dev."""

import hashlib
import hmac
import json
import secrets
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from demo import definition
from demo.product import Product
from demo.targets import Target

ALIAS, ARTIFACT, WEBHOOK = "built", "site", "harbour-news"
BUILD = f"""
mkdir -p out
cp index.html health.txt version.txt out/
echo "built $BUILD_BUILDNUMBER of $BUILD_SOURCEVERSION"
echo "##vso[artifact.upload artifactname={ARTIFACT}]$PWD/out"
"""


def build_definition(repository: Path) -> dict[str, Any]:
    """What builds each push to the repository."""
    step = {
        "task": {"id": definition.BASH, "versionSpec": "3.*", "definitionType": "task"},
        "displayName": "Build the site",
        "enabled": True,
        "inputs": {"targetType": "inline", "script": BUILD},
    }
    trigger = {
        "triggerType": "continuousIntegration",
        "branchFilters": ["+refs/heads/*"],
        "pathFilters": [],
    }
    place = str(repository)
    return {
        "name": "Harbour news CI",
        "type": "build",
        "process": {"type": 1, "phases": [{"name": "Build", "refName": "Build", "steps": [step]}]},
        "repository": {"type": "Git", "id": place, "name": "harbour-news", "url": place},
        "queue": {"name": "Default"},
        "triggers": [trigger],
    }


def release_definition(build: Any, dev: Target) -> dict[str, Any]:
    """What deploys each good build to Dev."""
    document = definition.definition("", [dev], {})
    reference = {
        "project": {"id": build.project.id, "name": build.project.name},
        "definition": {"id": str(build.id), "name": build.name},
        "defaultVersionType": {"id": "latestType", "name": "Latest"},
    }
    document["name"] = "Harbour news, as built"
    document["releaseNameFormat"] = "Built-$(rev:r)"
    document["artifacts"] = [
        {"alias": ALIAS, "type": "Build", "isPrimary": True, "definitionReference": reference}
    ]
    document["triggers"] = [
        {"triggerType": "artifactSource", "artifactAlias": ALIAS, "triggerConditions": []}
    ]
    (phase,) = document["environments"][0]["deployPhases"]
    folder = f"$(System.DefaultWorkingDirectory)/{ALIAS}/{ARTIFACT}"
    phase["workflowTasks"][0]["inputs"]["SourceFolder"] = folder
    return document


def webhook(secret: str, project_id: str) -> dict[str, Any]:
    """The service connection through which the repository tells of pushes."""
    parameters = {"webhookname": WEBHOOK, "secret": secret}
    name = "Pushes to harbour-news"
    return {
        "name": name,
        "type": "incomingwebhook",
        "url": "",
        "authorization": {"scheme": "None", "parameters": parameters},
        "data": {},
        "serviceEndpointProjectReferences": [
            {"name": name, "projectReference": {"id": project_id}}
        ],
    }


def new_secret() -> str:
    return secrets.token_urlsafe(24)


def tell(product: Product, repository: Path, branch: str, commit: str, secret: str) -> bool:
    """Deliver a push as a hook of the repository does; whether it was new."""
    told = {"repository": str(repository), "ref": branch, "after": commit}
    body = json.dumps(told).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    address = f"{product.url}/default/_apis/public/distributedtask/webhooks/{WEBHOOK}"
    headers = {"X-Signature-256": f"sha256={signature}", "Content-Type": "application/json"}
    with urlopen(Request(address, body, headers), timeout=10) as answer:  # noqa: S310 - our own URL
        is_new: bool = json.load(answer)["isNew"]
        return is_new
