"""Absolute addresses of everything that is sent (CONTRACT A.1.6); the domain knows only ids."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote as quote_text


@lru_cache(maxsize=4096)
def quote(text: str) -> str:
    """The text as a part of a path; the few that a list names stand in it again and again."""
    return quote_text(text)


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses below one base, such as `https://host/organization`."""

    base: str

    def apis(self, project: str, path: str) -> str:
        """An address of the API inside a project, named by its GUID."""
        return f"{self.base}/{quote(project)}/_apis/{path}"

    def definition(self, project: str, definition: int) -> str:
        return self.apis(project, f"Release/definitions/{definition}")

    def release(self, project: str, release: int) -> str:
        return self.apis(project, f"Release/releases/{release}")

    def environment(self, project: str, release: int, stage: int) -> str:
        return self.apis(project, f"Release/releases/{release}/environments/{stage}")

    def approval(self, project: str, approval: int) -> str:
        return self.apis(project, f"Release/approvals/{approval}")

    def logs(self, project: str, release: int) -> str:
        return self.apis(project, f"Release/releases/{release}/logs")

    def task_log(self, project: str, release: int, stage: int, phase: int, task: int) -> str:
        return self.apis(
            project,
            f"Release/releases/{release}/environments/{stage}/deployPhases/{phase}"
            f"/tasks/{task}/logs",
        )

    def badge(self, project: str, definition: int, stage: int) -> str:
        path = f"_apis/public/Release/badge/{quote(project)}/{definition}/{stage}"
        return f"{self.base}/{path}"

    def project(self, project: str) -> str:
        return f"{self.base}/_apis/projects/{quote(project)}"

    def identity(self, identity: str) -> str:
        return f"{self.base}/_apis/Identities/{quote(identity)}"

    def identity_image(self, identity: str) -> str:
        return f"{self.base}/_apis/GraphProfile/MemberAvatars/{quote(identity)}"

    def definition_page(self, project: str, definition: int) -> str:
        return f"{self.base}/{quote(project)}/_release?definitionId={definition}"

    def build_definition_page(self, project: str, definition: str) -> str:
        return f"{self.base}/{quote(project)}/_build/definition?definitionId={quote(definition)}"

    def build_editor(self, project: str, definition: int) -> str:
        query = f"id={definition}&_a=edit-build-definition"
        return f"{self.base}/{quote(project)}/_build/designer?{query}"

    def build_page(self, project: str, build: str) -> str:
        return f"{self.base}/{quote(project)}/_build/results?buildId={quote(build)}"

    def release_page(self, project: str, release: int) -> str:
        return f"{self.base}/{quote(project)}/_release?releaseId={release}&_a=release-summary"


def references(self_url: str, web_url: str = "") -> dict[str, Any]:
    """A `_links` map, which is plain although the swagger nests it (CONTRACT C)."""
    links = {"self": {"href": self_url}}
    if web_url:
        links["web"] = {"href": web_url}
    return links
