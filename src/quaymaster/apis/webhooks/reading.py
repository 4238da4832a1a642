"""Whose delivery a request is, how it is signed, and what it tells."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from quaymaster.actions.triggers.webhooks import Delivery, Proof, key_of
from quaymaster.apis.shared import json_reading
from quaymaster.apis.shared.refusals import BadRequest
from quaymaster.apis.webhooks import azure, github, gitlab, plain, pull_requests
from quaymaster.domain.pull_requests import PullRequest
from quaymaster.domain.pushes import Push
from quaymaster.sources.asking import text_in

FORM = "application/x-www-form-urlencoded"
LONGEST_REF = 500
SIGNATURES = ("x-hub-signature-256", "x-signature-256", "x-gitea-signature")
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Read:
    """A delivery with the pushes and pull requests that it tells of."""

    delivery: Delivery
    pushes: tuple[Push, ...]
    pull_requests: tuple[PullRequest, ...] = ()


def delivery(webhook: str, headers: Mapping[str, str], body: bytes) -> Delivery:
    """The delivery as far as it can be known before anybody trusts it; `headers` in lower case."""
    event = _event(headers) or headers.get("x-gitlab-event") or ""
    key = (
        headers.get("x-github-delivery")
        or headers.get("x-gitea-delivery")
        or headers.get("idempotency-key")
        or headers.get("x-gitlab-event-uuid")
        or ""
    )
    return Delivery(webhook, key.strip() or key_of(body), event, body, _proof(headers))


def read(found: Delivery, headers: Mapping[str, str]) -> Read:
    """What a trusted delivery tells. Raises BadRequest for a body that nobody here can read."""
    body = _json(found.body, headers)
    told = _told(found, headers, body)
    key = found.key
    if key.startswith("sha256:") and (own := text_in(body, "id")):
        key = own
    event = found.event or text_in(body, "eventType") or "push"
    named = Delivery(found.webhook, key, event, found.body, found.proof)
    merged = tuple(pull_requests.told(headers, body))
    return Read(named, tuple(_checked(push) for push in told), merged)


def _told(found: Delivery, headers: Mapping[str, str], body: Any) -> list[Push]:
    if _event(headers):
        return github.pushes(found.event, body)
    if headers.get("x-gitlab-event"):
        return gitlab.pushes(body)
    if text_in(body, "eventType"):
        return azure.pushes(body)
    if plain.is_plain(body):
        return plain.pushes(body)
    raise BadRequest(
        "This is no delivery of GitHub, GitLab or Azure DevOps, nor a JSON object with "
        "`repository`, `ref` and `after`."
    )


def _event(headers: Mapping[str, str]) -> str:
    """What GitHub calls the event, or Gitea, which writes as GitHub does."""
    return headers.get("x-github-event") or headers.get("x-gitea-event") or ""


def _checked(push: Push) -> Push:
    """A push that names a repository, a ref and a commit. Raises BadRequest."""
    if not push.repositories or not any(push.repositories):
        raise BadRequest("The delivery does not say of which repository it tells.")
    if not push.ref.startswith("refs/") or len(push.ref) > LONGEST_REF or "\0" in push.ref:
        raise BadRequest("The delivery names no ref, such as refs/heads/main.")
    if not _COMMIT.fullmatch(push.commit):
        raise BadRequest("The delivery names no commit by its full id of 40 hexadecimal digits.")
    return push


def _json(body: bytes, headers: Mapping[str, str]) -> Any:
    """The object that was sent: as a form with the field `payload`, or as it is. `curl -d` calls
    that a form, too, unless it is told better."""
    kind = headers.get("content-type", "").partition(";")[0].strip().casefold()
    if kind == FORM and not body.lstrip().startswith(b"{"):
        body = _payload(body)
    found = json_reading.decode(body)
    if not isinstance(found, dict):
        raise BadRequest("The body must be a JSON object.")
    return found


def _payload(form: bytes) -> bytes:
    try:
        return parse_qs(form.decode())["payload"][0].encode()
    except (KeyError, UnicodeDecodeError, ValueError):
        raise BadRequest("The form has no field `payload`.") from None


def _proof(headers: Mapping[str, str]) -> Proof:
    signatures = [headers[n] for n in SIGNATURES if headers.get(n)]
    secrets = [headers["x-gitlab-token"]] if headers.get("x-gitlab-token") else []
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "basic":
        secrets += _password(text)
    return Proof(tuple(signatures), tuple(secrets), headers)


def _password(text: str) -> list[str]:
    """The password of Basic credentials, as service hooks of Azure DevOps are set up with."""
    try:
        pair = base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return []
    password = pair.partition(":")[2]
    return [password] if password else []
