"""Writes docs/reference/coverage.md: which clients' tests call each operation.

Read from the tests themselves: a client's method is named after the operation, so an operation is
covered where the test of a client calls a method of that name.
"""

import re
from pathlib import Path

from quaymaster.apis.azure import router
from quaymaster.apis.azure.description import openapi
from quaymaster.apis.azure.shapes import contract

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "coverage.md"
TESTS = ROOT / "tests" / "acceptance"

HEAD = """# Which clients call what

Written by `make docs` from the tests in `tests/acceptance`, which run against the whole product;
do not edit it. ✓ stands for a call that a test makes and checks. Every published operation of
Release Management is served; a test holds the list of the contract against this page. The
addresses for which no operation is published are at the end of [operations.md](operations.md).

* **Python**: `azure-devops`, its clients of versions 7.1, 7.0 and of the newest released version;
  every method of each is called.
* **Node**: `azure-devops-node-api`, which asks for 7.2-preview; it sends every enum as a number.
* **HTTP 4.1 … 7.1**: asked for in 4.1-preview, 5.0, 5.1, 6.0, 7.0 and 7.1, the answer is held
  against Microsoft's published description of that version, and may hold no field that is younger.
* **made up**: requests made up from [openapi.json](openapi.json), with and without credentials, in
  version 7.1; every answer must fit the document.

Versions 2.2-preview.1 to 4.0-preview are held against the recorded calls of that time.

| operation | Python 7.1 | Python 7.0, released | Node 7.2 | HTTP 4.1 … 7.1 | made up 7.1 |
|---|:-:|:-:|:-:|:-:|:-:|
"""
# What the swagger tests ask for in every version (`tests/acceptance/test_swagger.py`).
IN_EVERY_VERSION = frozenset(
    {
        "GetApprovals",
        "GetDefinitionRevision",
        "GetDeployments",
        "GetFolders",
        "GetLogs",
        "GetManualInterventions",
        "GetRelease",
        "GetReleaseDefinition",
        "GetReleaseDefinitionHistory",
        "GetReleaseDefinitions",
        "GetReleaseEnvironment",
        "GetReleaseRevision",
        "GetReleaseTaskAttachmentContent",
        "GetReleaseTaskAttachments",
        "GetReleases",
        "GetTaskAttachmentContent",
        "GetTaskAttachments",
        "GetTaskLog",
    }
)


def page() -> str:
    """The whole text, ending in a newline."""
    return HEAD + "".join(f"| {name} | {' | '.join(_marks(name))} |\n" for name in operations())


def operations() -> list[str]:
    """The published names of all operations that are served."""
    described = openapi.document(router.application(0).routes)
    named = [one["operationId"] for way in described["paths"].values() for one in way.values()]
    return sorted([*named, *shared_ways()])


def shared_ways() -> set[str]:
    """Operations that share method and path with another one."""
    return {name for one in contract().operations.values() for name in one.also}


def called_by_python() -> set[str]:
    """The methods of the Python client of 7.1 that its tests call."""
    files = (*TESTS.glob("test_*.py"), TESTS / "client.py")
    return {name for file in files for name in _methods(file)}


def called_by_every_python_client() -> set[str]:
    """The methods that are called of the clients of every version."""
    return _methods(TESTS / "test_python_versions.py")


def _methods(file: Path) -> set[str]:
    return set(re.findall(r"\.(\w+)\(", file.read_text("utf-8")))


def called_by_node() -> set[str]:
    """The methods of the Node client that its test calls."""
    visit = (TESTS / "node" / "visit.js").read_text("utf-8")
    return set(re.findall(r'call\(\s*"(\w+)"', visit))


def _marks(name: str) -> list[str]:
    method = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
    covered = (
        method in called_by_python(),
        method in called_by_every_python_client(),
        name[0].lower() + name[1:] in called_by_node(),
        name in IN_EVERY_VERSION,
        name not in shared_ways(),
    )
    return ["✓" if one else "" for one in covered]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
