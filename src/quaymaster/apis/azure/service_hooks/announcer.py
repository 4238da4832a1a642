"""Writes the events of the publisher `rm` and what goes with them (SEMANTICS 24.2, LEGACY)."""

import base64
import hashlib
import hmac
from dataclasses import fields
from typing import Any
from uuid import UUID

import msgspec

from quaymaster.actions.announcements.deliveries import Post, Told
from quaymaster.apis.azure.present import release as present
from quaymaster.apis.azure.present.approval import approval, around_stage
from quaymaster.apis.azure.present.deployment import deployment
from quaymaster.apis.azure.service_hooks import build_event, messages
from quaymaster.apis.azure.service_hooks.scene import Scene
from quaymaster.apis.azure.service_hooks.words import EVENT_TYPES, RESOURCE_VERSIONS, publisher_of
from quaymaster.apis.azure.values import date_out
from quaymaster.apis.azure.words import word
from quaymaster.domain.announcements import Happening
from quaymaster.domain.statuses import StageStatus
from quaymaster.store.announcements.deliveries import Letter
from quaymaster.store.announcements.subscriptions import Subscription
from quaymaster.store.deployments.lists import DeploymentLine
from quaymaster.store.releases.views import AttemptFacts

OF_RELEASES = (Happening.RELEASE_CREATED, Happening.RELEASE_ABANDONED)
Document = dict[str, Any]


class AzureAnnouncer:
    """Writes the events of the publisher `rm` and the headers of a web hook."""

    def body(self, told: Told) -> bytes:
        """The event. A try-out has no release and no build to show."""
        fact, settings = told.letter.fact, told.subscription.settings
        publisher = publisher_of(fact.happening)
        version = settings.get("resourceVersion") or RESOURCE_VERSIONS[publisher][0]
        event: Document = {
            "subscriptionId": str(told.subscription.id),
            "notificationId": told.letter.number,
            "id": str(told.letter.id),
            "eventType": EVENT_TYPES[fact.happening],
            "publisherId": publisher,
        }
        if told.build is None:
            event["scope"] = "all"
        resource = None
        if told.release is not None:
            scene = Scene(told, told.release)
            wanted = settings.get("messagesToSend", "all")
            event["message"] = messages.message(scene, wanted)
            wanted = settings.get("detailedMessagesToSend", "all")
            event["detailedMessage"] = messages.detailed_message(scene, wanted)
            resource = _resource(scene, settings.get("resourceDetailsToSend", "all"))
        if told.build is not None:
            sentence = build_event.sentence(told, told.build)
            wanted = settings.get("messagesToSend", "all")
            event["message"] = messages.in_forms(sentence, wanted)
            wanted = settings.get("detailedMessagesToSend", "all")
            event["detailedMessage"] = messages.in_forms(sentence, wanted)
            details = settings.get("resourceDetailsToSend", "all")
            resource = build_event.resource(told, told.build, details, version)
        event["resource"] = resource
        event["resourceVersion"] = version
        event["resourceContainers"] = _containers(told)
        event["createdDate"] = date_out(told.letter.created_at)
        return msgspec.json.encode(event)

    def post(self, subscription: Subscription, letter: Letter, body: bytes) -> Post:
        """Basic credentials, the headers that were asked for, and our id and signature."""
        secrets = subscription.secrets
        headers = {"X-Quaymaster-Delivery": str(letter.id)}
        for line in secrets.get("httpHeaders", "").splitlines():
            name, colon, value = line.partition(":")
            if colon and name.strip():
                headers[name.strip()] = value.strip()
        user = subscription.settings.get("basicAuthUsername", "")
        password = secrets.get("basicAuthPassword", "")
        if user or password:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        if key := secrets.get("secret"):
            digest = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Quaymaster-Signature-256"] = f"sha256={digest}"
        return Post(headers)


# ---- the resource ---------------------------------------------------------------------------


def _resource(scene: Scene, wanted: str) -> Document | None:
    """All of it, the ids and addresses only (`minimal`), or nothing (`none`)."""
    if wanted == "none":
        return None
    project = {"id": scene.project, "name": scene.head.project_name}
    if wanted == "minimal":
        address = scene.links.release(scene.project, scene.head.id)
        return {"id": scene.head.id, "url": address, "project": project}
    match scene.fact.happening:
        case Happening.DEPLOYMENT_STARTED:
            return {
                "environment": _environment(scene),
                "release": _release(scene),
                "project": project,
            }
        case Happening.DEPLOYMENT_COMPLETED:
            return {
                "environment": _environment(scene),
                "deployment": _deployment(scene),
                "comment": scene.attempt.comment if scene.attempt else "",
                "data": {},
                "project": project,
            }
        case Happening.APPROVAL_PENDING | Happening.APPROVAL_COMPLETED:
            return {"approval": _approval(scene), "release": _release(scene), "project": project}
        case _:
            return {"release": _release(scene), "project": project}


def _release(scene: Scene) -> Document:
    """The release in the newest shape, its tasks also where receivers of old look for them."""
    whole = present.release(scene.shown, scene.found.view, scene.found.document)
    if scene.fact.happening in OF_RELEASES:
        whole["status"] = scene.fact.status
    for environment in whole.get("environments", []):
        phases = environment["deployPhasesSnapshot"]
        environment["workflowTasks"] = [task for one in phases for task in one["workflowTasks"]]
    return whole


def _environment(scene: Scene) -> Document | None:
    """The stage as it stood then, which is not always how it stands when this is sent."""
    for environment in _release(scene).get("environments", []):
        if environment["id"] == scene.fact.stage:
            then = word(StageStatus(scene.fact.status))
            return {**environment, "status": then}
    return None


def _deployment(scene: Scene) -> Document | None:
    """The attempt as lists of deployments show it."""
    head, stage, attempt = scene.head, scene.stage, scene.attempt
    if stage is None or attempt is None:
        return None
    facts = {one.name: getattr(attempt, one.name) for one in fields(AttemptFacts)}
    line = DeploymentLine(
        **facts,
        project_id=head.project_id,
        project_name=head.project_name,
        definition_id=head.definition_id,
        definition_name=head.definition_name,
        definition_path=head.definition_path,
        release_id=head.id,
        release_name=head.name,
        artifacts=head.artifacts,
        document_digest=scene.found.view.document_digest,
        stage_id=stage.id,
        stage_name=stage.name,
        definition_stage_id=stage.definition_stage_id,
        approvals=attempt.approvals,
    )
    return deployment(scene.shown, line, approvals=True, artifacts=True)


def _approval(scene: Scene) -> Document | None:
    head, stage, asked = scene.head, scene.stage, scene.approval
    if stage is None or asked is None:
        return None
    around = around_stage(head, stage)
    shown = approval(scene.shown, around, asked, scene.fact.attempt)
    return {**shown, "status": scene.fact.status}


def _containers(told: Told) -> Document:
    organization = str(told.subscription.organization)
    containers = {"collection": {"id": organization}, "account": {"id": organization}}
    if project := _project(told):
        containers["project"] = {"id": str(project)}
    return containers


def _project(told: Told) -> UUID | None:
    """Of what it is about; a try-out has only the subscription's, if that is of one."""
    if told.release is not None:
        return told.release.view.head.project_id
    if told.build is not None:
        return told.build.views[0].project_id
    return told.subscription.project
