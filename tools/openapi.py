"""Writes docs/reference/openapi.json and the page of all operations from the routes themselves."""

import json
import re
from pathlib import Path
from typing import Any

from quaymaster.apis.azure import locations, router
from quaymaster.apis.azure.description import openapi

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
DESCRIPTION = REFERENCE / "openapi.json"
OPERATIONS = REFERENCE / "operations.md"

HEAD = """# Operations of the Azure DevOps dialect

Written by `make docs` from the routes; [openapi.json](openapi.json) has every parameter and shape,
and a running server answers the same at `/{organization}/_apis/openapi.json`.
Versions 2.2-preview.1 to 7.2 are answered; each body in the shape of the version that was asked
for. The Python client (`azure-devops`) and the walkthroughs of three versions are played against
the running product in `tests/acceptance`.

| operation | method and path | needs |
|---|---|---|
"""

UNSERVED = """
## Addresses without an operation

The service lists these addresses, but no client since 4.0 has an operation for them; they answer
501. Those of 2.2-preview.1 kept artifacts apart from pipelines (`artifacts`), those of 3.2-preview
set up web applications in a cloud (`ContinuousDeployment`): neither exists any more. The reasons
are in [decision 0020](../decisions/0020-addresses-without-an-operation.md).

"""


def description() -> str:
    """The OpenAPI document as it is kept in the repository."""
    described = openapi.document(router.application(0).routes)
    described["info"].pop("x-server-version")
    return json.dumps(described, indent=1, sort_keys=True) + "\n"


def operations() -> str:
    """The page: what is served, and which published resources of releases are not."""
    described = openapi.document(router.application(0).routes)
    rows = [
        f"| {one['operationId']} | {method.upper()} `{path}` | {one['x-scope']} |"
        for path, methods in sorted(described["paths"].items())
        for method, one in sorted(methods.items())
    ]
    return HEAD + "\n".join(rows) + "\n" + UNSERVED + "\n".join(_unserved(described)) + "\n"


def _unserved(described: dict[str, Any]) -> list[str]:
    served = {_bare(path.partition("/_apis/")[2]) for path in described["paths"]}
    found = set()
    for place in locations.all_locations():
        template = place.routeTemplate.partition("_apis/")[2]
        named = template.replace("{area}", place.area).replace("{resource}", place.resourceName)
        shorter = named.rpartition("/{")[0] if named.endswith("}") else named
        if place.area == "Release" and not {_bare(named), _bare(shorter)} & served:
            found.add(f"* `{named}`")
    return sorted(found)


def _bare(path: str) -> str:
    """A path without the names of its placeholders and the case of its words."""
    return re.sub(r"{[^}]*}", "{}", path.casefold())


def main() -> None:
    DESCRIPTION.write_text(description(), "utf-8")
    OPERATIONS.write_text(operations(), "utf-8")


if __name__ == "__main__":
    main()
