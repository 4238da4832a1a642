"""What every presenter needs, and the small references that stand in all bodies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from quaymaster.apis.azure.links import Links, references
from quaymaster.domain.predefined import SERVICE
from quaymaster.domain.variable_groups import VariableGroup
from quaymaster.store.people.people import Identity

SYSTEM = {"displayName": SERVICE.name, "id": SERVICE.id, "uniqueName": SERVICE.name}


@dataclass(frozen=True, slots=True)
class Shown:
    """The addresses to write, and everybody who is mentioned, by id.

    `groups` are the variable groups that the release shown has taken, by definition stage id.
    """

    links: Links
    people: Mapping[str, Identity]
    groups: Mapping[int, list[VariableGroup]] = field(default_factory=dict)


def person(shown: Shown, identity_id: str | None) -> dict[str, Any] | None:
    """An IdentityRef; somebody this installation does not know keeps only the id."""
    if identity_id is None:
        return None
    url = shown.links.identity(identity_id)
    found = shown.people.get(identity_id)
    if found is None:
        return {"id": identity_id, "displayName": identity_id, "uniqueName": "", "url": url}
    image = shown.links.identity_image(identity_id)
    reference: dict[str, Any] = {
        "displayName": found.display_name,
        "url": url,
        "_links": {"avatar": {"href": image}},
        "id": found.id,
        "uniqueName": found.unique_name,
        "imageUrl": image,
        "descriptor": f"qm.{found.id}",
    }
    if found.is_group:
        reference["isContainer"] = True
    return reference


def actor(shown: Shown, identity_id: str | None) -> dict[str, Any]:
    """Who did something; the product itself appears under the service's published name."""
    service = {**SYSTEM, "url": shown.links.identity(SYSTEM["id"])}
    return person(shown, identity_id) or service


def release_reference(shown: Shown, project: str, release: int, name: str) -> dict[str, Any]:
    url = shown.links.release(project, release)
    web = shown.links.release_page(project, release)
    return {"id": release, "name": name, "url": url, "_links": references(url, web)}


def definition_reference(
    shown: Shown, project: str, definition: int, name: str, path: str
) -> dict[str, Any]:
    url = shown.links.definition(project, definition)
    web = shown.links.definition_page(project, definition)
    return {
        "id": definition,
        "name": name,
        "path": path,
        "projectReference": None,
        "url": url,
        "_links": references(url, web),
    }


def stage_reference(
    shown: Shown, project: str, release: int, stage: int, name: str
) -> dict[str, Any]:
    url = shown.links.environment(project, release, stage)
    return {"id": stage, "name": name, "url": url, "_links": references(url)}


def id_of(reference: Any) -> str | None:
    """The id that a stored reference to a person names; None for what names nobody."""
    named = reference.get("id") if isinstance(reference, dict) else None
    return named if isinstance(named, str) and named else None


def with_people(shown: Shown, document: Any) -> Any:
    """A stored document with the display data of the people that it names by id."""
    match document:
        case dict():
            return {
                key: person(shown, value["id"])
                if key in ("approver", "owner") and id_of(value)
                else with_people(shown, value)
                for key, value in document.items()
            }
        case list():
            return [with_people(shown, entry) for entry in document]
        case _:
            return document
