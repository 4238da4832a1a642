"""Signing in as a GitHub App: a token of an hour for one installation, by the App's key.

A service connection of the type `github` is one of an App when it has the parameters `appId` and
`privateKey`; `installationId` says which installation, else the repository's is asked for.
"""

import base64
import json
from datetime import datetime, timedelta

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from quaymaster.outgoing.requests import WebClient
from quaymaster.protocol.job import Endpoint
from quaymaster.sources.asking import Asked, Questions, SourceProblem, secret_of, text_in
from quaymaster.sources.github import HEADERS, api_of

VALID = timedelta(minutes=9)  # GitHub takes ten at most
CLOCKS = timedelta(minutes=1)  # by which its clock may be behind ours


def is_app(connection: Endpoint | None) -> bool:
    """Whether this connection signs in as an App."""
    return connection is not None and bool(
        secret_of(connection, "appid") and secret_of(connection, "privatekey")
    )


async def signed_in(
    client: WebClient, connection: Endpoint, repository: str, now: datetime
) -> Endpoint:
    """The connection with a token of the App's installation in the place of its key.

    Raises SourceProblem for a key that is none, and when GitHub gives no token.
    """
    headers = {
        **HEADERS,
        "Authorization": f"Bearer {_assertion(connection, now)}",
    }
    questions = Questions(client, repository, headers)
    api = api_of(Asked("", "GitHub", {}, connection))
    number = secret_of(connection, "installationid")
    if not number:
        found = await questions.json(f"{api}/repos/{repository}/installation")
        number = text_in(found, "id")
    url = f"{api}/app/installations/{number}/access_tokens"
    answer = await questions.raw(url, method="POST")
    token = text_in(questions.read(answer, url), "token") if answer.status == 201 else ""
    if not token:
        raise questions.refused(answer, url)
    return msgspec.structs.replace(
        connection, parameters={"username": "x-access-token", "accessToken": token}
    )


def _assertion(connection: Endpoint, now: datetime) -> str:
    """A JSON Web Token that the App's key signs (RS256)."""
    claims = {
        "iat": int((now - CLOCKS).timestamp()),
        "exp": int((now + VALID).timestamp()),
        "iss": secret_of(connection, "appid"),
    }
    signed = ".".join(_part(one) for one in ({"alg": "RS256", "typ": "JWT"}, claims))
    key = _key(connection)
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_text(signature)}"


def _key(connection: Endpoint) -> rsa.RSAPrivateKey:
    text = secret_of(connection, "privatekey").replace("\\n", "\n").encode()
    try:
        found = serialization.load_pem_private_key(text, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, rsa.RSAPrivateKey):
        raise SourceProblem(
            f"The privateKey of the service connection {connection.name} is no RSA key in PEM."
        )
    return found


def _part(value: object) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
