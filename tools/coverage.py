"""Writes docs/reference/coverage.md: which clients' tests call each operation.

Read from the tests themselves: a client's method is named after the operation, so an operation is
covered where the test of a client calls a method of that name.
"""

import re
from pathlib import Path

from quaymaster.apis.azure import router
from quaymaster.apis.azure.description import openapi

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "coverage.md"
TESTS = ROOT / "tests" / "acceptance"

HEAD = """# Which clients call what

Written by `make docs` from the tests in `tests/acceptance`, which run against the whole product;
do not edit it. ✓ stands for a call that a test makes and checks.

* **Python**: `azure-devops`, its client of version 7.1; clients of 7.0 and of the newest released
  version are called for definitions and releases.
* **Node**: `azure-devops-node-api`, which asks for 7.2-preview; it sends every enum as a number.
* **made up**: requests made up from [openapi.json](openapi.json), with and without credentials, in
  version 7.1; every answer must fit the document.

Older versions are called over HTTP: every answer to a GET of 4.1-preview, 5.0, 5.1, 6.0, 7.0 and
7.1 is held against Microsoft's published description of that version, and the recorded calls of
2.2-preview.1 to 4.0-preview against what the service answered then.

| operation | Python 7.1 | Node 7.2 | made up 7.1 |
|---|:-:|:-:|:-:|
"""


def page() -> str:
    """The whole text, ending in a newline."""
    return HEAD + "".join(f"| {name} | {' | '.join(_marks(name))} |\n" for name in operations())


def operations() -> list[str]:
    """The published names of all operations that are served."""
    described = openapi.document(router.application(0).routes)
    return sorted(
        one["operationId"] for methods in described["paths"].values() for one in methods.values()
    )


def called_by_python() -> set[str]:
    """The methods of the Python client that its tests call."""
    files = (*TESTS.glob("test_*.py"), TESTS / "client.py")
    return {name for file in files for name in re.findall(r"\.(\w+)\(", file.read_text("utf-8"))}


def called_by_node() -> set[str]:
    """The methods of the Node client that its test calls."""
    visit = (TESTS / "node" / "visit.js").read_text("utf-8")
    return set(re.findall(r'call\(\s*"(\w+)"', visit))


def _marks(name: str) -> list[str]:
    in_python = re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower() in called_by_python()
    in_node = name[0].lower() + name[1:] in called_by_node()
    return ["✓" if covered else "" for covered in (in_python, in_node, True)]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
