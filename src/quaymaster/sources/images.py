"""Tags of a container image in a registry of the OCI distribution API, or of Docker Hub.

Tasks pull the image themselves: a job downloads nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from quaymaster.domain.numbers import digits
from quaymaster.outgoing.requests import WebAnswer, WebClient
from quaymaster.sources.asking import (
    Asked,
    Questions,
    SourceProblem,
    authorization,
    inside,
    origin,
    text_in,
)
from quaymaster.sources.versions import RemoteFile, Version

DOCKER_HUB = "https://registry-1.docker.io"
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json"
)
MOST_PAGES = 100
A_PAGE = 1000
_CHALLENGE = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
LONGEST_NUMBER = 1000  # registries write what they like
_PARTS = re.compile(r"\d+|\D+", re.ASCII)
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


class Images:
    """Artifacts of the types AzureContainerRepository and DockerHub: a version is a tag."""

    async def versions(self, client: WebClient, asked: Asked, most: int) -> list[Version]:
        """Tags by their number, highest first: a registry does not tell when one was pushed.

        Tags without any number (`latest`) come last.
        """
        registry = _Registry(client, asked)
        tags = sorted(await registry.tags(), key=_order, reverse=True)
        return [registry.version(tag) for tag in tags[:most]]

    async def resolve(self, client: WebClient, asked: Asked, version: str) -> Version:
        """The tag with the digest that it stands for now."""
        registry = _Registry(client, asked)
        tag = version.rpartition(":")[2]
        return registry.version(tag, await registry.digest(tag))

    async def files(self, _client: WebClient, _asked: Asked, _version: str) -> list[RemoteFile]:
        """Nothing."""
        return []


def _order(tag: str) -> tuple[Any, ...]:
    """`v1.10` after `v1.9`; an early `1.0-rc1` before `1.0`."""
    core, dash, _ = tag.partition("-")
    found = (digits(part, LONGEST_NUMBER) for part in _PARTS.findall(core))
    numbers = tuple(number for number in found if number is not None)
    return (bool(numbers), numbers, not dash, tag)


class _Registry:
    """One repository of a registry; signs in when it is asked to, as its challenge says."""

    def __init__(self, client: WebClient, asked: Asked) -> None:
        self._asked = asked
        self._client = client
        self.server = _server(asked)
        self.name = _name(asked)
        self._questions = Questions(client, asked.alias, server=self.server)

    def version(self, tag: str, digest: str = "") -> Version:
        """A tag as a version, with the full name of the image for the tasks that pull it."""
        host = urlsplit(self.server).netloc
        image = f"{self.name}:{tag}" if self.server == DOCKER_HUB else f"{host}/{self.name}:{tag}"
        reference = {"image": image}
        if digest:
            reference["digest"] = digest
        return Version(id=tag, name=tag, tags=(tag,), reference=reference)

    async def tags(self) -> list[str]:
        url = f"{self.server}/v2/{self.name}/tags/list?n={A_PAGE}"
        found: list[str] = []
        for _ in range(MOST_PAGES):
            answer = await self._asked_signed_in(url)
            if answer.status == 404:
                raise SourceProblem(
                    f"Artifact {self._asked.alias}: the registry has no image {self.name}."
                )
            if answer.status != 200:
                raise self._questions.refused(answer, url)
            listed = inside(self._questions.read(answer, url), "tags")
            found += [one for one in (listed or []) if isinstance(one, str)]
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                break
            url = self._own(urljoin(url, following[1]))
        return found

    async def digest(self, tag: str) -> str:
        url = f"{self.server}/v2/{self.name}/manifests/{quote(tag, safe='')}"
        answer = await self._asked_signed_in(url, "HEAD")
        if answer.status == 404:
            raise SourceProblem(
                f"Version {tag!r} of artifact {self._asked.alias} is no tag of {self.name}."
            )
        if answer.status != 200:
            raise self._questions.refused(answer, url)
        return answer.headers.get("docker-content-digest", "")

    def _own(self, url: str) -> str:
        """A next page is asked of the same server only: the sign-in goes with it."""
        try:
            is_own = origin(url) == origin(self.server)
        except ValueError:
            is_own = False
        if not is_own:
            raise SourceProblem(
                f"Artifact {self._asked.alias}: the registry's list goes on at another server."
            )
        return url

    async def _asked_signed_in(self, url: str, method: str = "GET") -> WebAnswer:
        answer = await self._ask(url, method)
        if answer.status != 401:
            return answer
        challenge = answer.headers.get("www-authenticate", "")
        scheme, _, rest = challenge.partition(" ")
        header = (
            await self._token(dict(_CHALLENGE.findall(rest)))
            if scheme.casefold() == "bearer"
            else authorization(self._asked.connection)
        )
        if not header:
            return answer
        self._questions = replace(self._questions, headers=header)
        return await self._ask(url, method)

    async def _ask(self, url: str, method: str) -> WebAnswer:
        accepted = {"Accept": f"{MANIFESTS}, application/json"}
        asking = replace(self._questions, headers={**accepted, **self._questions.headers})
        return await asking.raw(url, method=method)

    async def _token(self, challenge: Mapping[str, str]) -> dict[str, str]:
        """The handshake of the registry's token server: who we are, and what we want to read."""
        realm = challenge.get("realm", "")
        if not realm:
            raise SourceProblem(
                f"Artifact {self._asked.alias}: the registry wants no known sign-in."
            )
        if urlsplit(realm).scheme != "https" and urlsplit(self.server).scheme == "https":
            raise SourceProblem(
                f"Artifact {self._asked.alias}: the registry wants its password sent in clear."
            )
        scope = challenge.get("scope") or f"repository:{self.name}:pull"
        questions = Questions(
            self._client, self._asked.alias, authorization(self._asked.connection)
        )
        told = await questions.json(realm, {"service": challenge.get("service"), "scope": scope})
        token = text_in(told, "token") or text_in(told, "access_token")
        return {"Authorization": f"Bearer {token}"} if token else {}


def _server(asked: Asked) -> str:
    """The registry's address; `registryurl` of the artifact wins over that of its connection."""
    named = asked.text("registryurl", "registry", "registryUrl")
    address = named or (asked.connection.url if asked.connection else "")
    if not address and asked.type.casefold() == "dockerhub":
        return DOCKER_HUB
    if not address:
        return asked.server()
    if "://" not in address:
        address = f"https://{address}"
    parts = urlsplit(address)
    if (parts.hostname or "").casefold() in ("index.docker.io", "docker.io", "hub.docker.com"):
        return DOCKER_HUB
    return f"{parts.scheme}://{parts.netloc}"


def _name(asked: Asked) -> str:
    name = asked.required("image", "definition").strip("/")
    space = asked.text("namespaces", "namespace")
    if asked.type.casefold() == "dockerhub" and "/" not in name:
        name = f"{space or 'library'}/{name}"
    return quote(name, safe="/")
