"""Writes what a webhook of this contract is told, and signs it (AVIATOR 2, 7)."""

import hashlib
import hmac
from typing import Any

import msgspec

from quaymaster.actions.announcements.deliveries import Post, Told
from quaymaster.apis.aviator import present, words
from quaymaster.domain.announcements import Happening
from quaymaster.domain.release import Outcome
from quaymaster.domain.statuses import OperationStatus
from quaymaster.store.announcements.deliveries import Letter
from quaymaster.store.announcements.subscriptions import Subscription
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment

DIALECT = "aviator"
KEY = "key"
SIGNATURE = "X-Aviator-Signature-SHA256"
ACTIONS = {
    Happening.RELEASE_CREATED: "release_cut",
    Happening.DEPLOYMENT_CREATED: "deployment_created",
    Happening.DEPLOYMENT_CHANGED: "deployment_status",
    Happening.ROLLBACK: "rollback",
    Happening.ENVIRONMENT_FROZEN: "environment_frozen",
    Happening.ENVIRONMENT_UNFROZEN: "environment_unfrozen",
    Happening.CANDIDATE_BUILT: "build_finished",
    Happening.CHERRY_PICK_FINISHED: "cherry_pick_finished",
}
HAPPENINGS = {action: happening for happening, action in ACTIONS.items()}


class AviatorAnnouncer:
    """The envelope of this contract; what an announcement is not about is null."""

    def body(self, told: Told) -> bytes:
        """`{action, project, repository, organization, …}`; `id` is that of the delivery."""
        definition, fact = told.definition, told.letter.fact
        repository = definition.repository if definition else ""
        release = told.release.view.head if told.release else None
        return msgspec.json.encode(
            {
                "action": ACTIONS[fact.happening],
                "id": str(told.letter.id),
                "project": definition.definition_name if definition else None,
                "repository": repository or None,
                "organization": repository.partition("/")[0] or told.organization,
                "release_candidate_version": release.name if release else None,
                "environment_name": told.environment.name if told.environment else None,
                "deployment": _deployment(told),
                "actor": _actor(told),
                "timestamp": present.time(told.letter.created_at),
            }
        )

    def post(self, subscription: Subscription, letter: Letter, body: bytes) -> Post:
        """The signature, hexadecimal, and the id of the delivery."""
        headers = {"X-Quaymaster-Delivery": str(letter.id)}
        if key := subscription.secrets.get(KEY):
            headers[SIGNATURE] = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return Post(headers)


def _actor(told: Told) -> str | None:
    """Who deployed it, froze it or cut the candidate, by e-mail address; None for the product."""
    if told.deployment:
        return told.deployment.email
    return told.by.address if told.by else None


def _deployment(told: Told) -> dict[str, Any] | None:
    """The deployment with the status that it had then."""
    made: EnvironmentDeployment | None = told.deployment
    if made is None or told.environment is None:
        return None
    shown = present.deployment(told.environment.name, made)
    return {**shown, "status": _status(told.letter.fact.status)}


def _status(then: str) -> str:
    if then in set(Outcome):
        return words.status(then, OperationStatus.PENDING)
    return words.status(None, then if then in set(OperationStatus) else OperationStatus.PENDING)
