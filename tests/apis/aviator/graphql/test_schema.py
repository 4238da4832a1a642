"""The schema has everything of the outline in the contract, type by type (AVIATOR 8)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import parse, print_ast

from quaymaster.apis.aviator.graphql import execution
from quaymaster.apis.aviator.webhooks.announcer import ACTIONS
from tests.vectors import shared_folder

TOLD = (
    "release_cut",
    "build_finished",
    "deployment_created",
    "deployment_status",
    "rollback",
    "environment_frozen",
    "environment_unfrozen",
    "cherry_pick_finished",
)


def outline() -> str:
    path = shared_folder() / "contract" / "aviator" / "AVIATOR.md"
    if not path.exists():
        pytest.skip(f"the published material is not here: {path}")
    found = re.search(r"```graphql\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
    assert found
    return found[1]


def wanted() -> Iterator[tuple[str, str, list[tuple[str, str]], str]]:
    """(type, field, arguments with their types, type of the field); of an enum its values."""
    for one in parse(outline()).definitions:
        kind: Any = one
        for field in getattr(kind, "fields", None) or ():
            arguments = [(each.name.value, print_ast(each.type)) for each in field.arguments or ()]
            yield kind.name.value, field.name.value, arguments, print_ast(field.type)
        for value in getattr(kind, "values", None) or ():
            yield kind.name.value, value.name.value, [], ""


def test_every_type_and_field_of_the_outline_is_there_as_it_is_written():
    schema = execution.schema()
    missing = []
    for kind, name, arguments, written in wanted():
        found: Any = schema.get_type(kind)
        if not written:
            if name not in found.values:
                missing.append(f"{kind}.{name}")
            continue
        field = found.fields.get(name) if found else None
        given = [(key, str(each.type)) for key, each in field.args.items()] if field else []
        if field is None or str(field.type) != written or given[: len(arguments)] != arguments:
            missing.append(f"{kind}.{name}{arguments}: {written}")
    assert missing == []


def test_every_action_of_the_contract_is_told():
    assert set(ACTIONS.values()) == set(TOLD)
