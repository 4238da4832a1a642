"""The page about clients is what their tests call."""

import re

import pytest
from tools import coverage

from quaymaster.apis.azure.shapes import contract
from tests.vectors import shared_folder

CONTRACT = shared_folder() / "contract" / "azure" / "CONTRACT.md"

# What scripts use most (CONTRACT B, marked MUST): both clients call every one of these.
MUST = {
    "GetApprovals",
    "UpdateReleaseApproval",
    "CreateReleaseDefinition",
    "GetReleaseDefinitions",
    "UpdateReleaseDefinition",
    "DeleteReleaseDefinition",
    "GetReleaseDefinition",
    "GetDeployments",
    "GetReleases",
    "CreateRelease",
    "UpdateRelease",
}


def test_the_page_is_up_to_date():
    assert coverage.PAGE.read_text("utf-8") == coverage.page(), "run `make docs`"


def test_both_clients_call_what_must_work():
    lines = coverage.page().splitlines()
    for name in MUST:
        assert any(line.startswith(f"| {name} | ✓ | ✓ | ✓ |") for line in lines), name


def test_vector_every_published_operation_is_on_the_page():
    if not CONTRACT.exists():
        pytest.skip(f"there is no {CONTRACT}")
    text = CONTRACT.read_text("utf-8")
    of_swagger = re.findall(r"^\| \d+ \| \S+ \| ([A-Z]\w+) \|", text, re.MULTILINE)
    of_node = re.findall(
        r"^\| (?:GET|PUT|POST|PATCH|DELETE) \| `\S+` \| (\w+) \|", text, re.MULTILINE
    )
    wanted = {*of_swagger, *(name[0].upper() + name[1:] for name in of_node)}
    assert len(wanted) > 80
    assert wanted - set(coverage.operations()) == set()


def test_the_swagger_tests_ask_for_what_the_page_says():
    """The sample that they ask about has everything that these operations need."""
    swagger = (coverage.TESTS / "test_swagger.py").read_text("utf-8")
    paths = {one.id: way for way, one in contract().operations.items()}
    for name in coverage.IN_EVERY_VERSION - coverage.shared_ways():
        for placeholder in re.findall(r"{(\w+)}", paths[name]):
            assert f'"{placeholder}":' in swagger, (name, placeholder)
