"""A query that is too long, too deep or asks for too much is refused before it costs anything."""

from typing import Any

import pytest
from graphql import get_introspection_query, parse

from quaymaster.apis.aviator.graphql import execution, likeness
from quaymaster.apis.aviator.graphql.query import Query

SCHEMA = execution.schema()


async def asked(text: str, **variables: Any) -> dict[str, Any]:
    return await execution.run(SCHEMA, Query(text, variables), None)


def problem(answer: dict[str, Any]) -> str:
    assert "data" not in answer, "refused as a whole"
    assert {error["extensions"]["code"] for error in answer["errors"]} == {400}
    return "; ".join(error["message"] for error in answer["errors"])


def nested(depth: int) -> str:
    """environments of the parent of the parent …: a chain of this many levels."""
    return (
        '{releaseProject(name: "web") {environment(name: "prod") {'
        + "parent {" * (depth - 3)
        + "name"
        + "}" * (depth - 3)
        + "}}}"
    )


async def test_tools_may_look_at_the_schema() -> None:
    answer = await asked(get_introspection_query())
    assert "errors" not in answer
    names = {one["name"] for one in answer["data"]["__schema"]["types"]}
    assert {"ReleaseProject", "Deployment", "DeploymentStatus", "Mutation"} <= names


async def test_an_ordinary_query_passes_the_limits() -> None:
    answer = await asked(nested(12))
    assert answer == {"data": {"releaseProject": None}}


@pytest.mark.parametrize("depth", [17, 40, 1_000, 100_000])
async def test_a_query_may_not_go_too_deep(depth: int) -> None:
    said = problem(await asked(nested(depth)))
    assert "deeper" in said or "longer" in said


async def test_a_value_may_not_be_nested_for_ever_either() -> None:
    text = "{releaseProject(name: " + "[" * 1_000 + "]" * 1_000 + ") {name}}"
    assert "deeper" in problem(await asked(text))


async def test_a_query_may_not_be_too_long() -> None:
    assert "longer" in problem(await asked("{" + " a" * 20_000 + "}"))
    assert "words" in problem(await asked("{" + "a," * 5_000 + "}"))


MANY = """
query ($n: Int) { releaseProjects(first: $n) { nodes { releases(first: 100) { nodes {
  candidates { deployments { id status } } } } } } }
"""


async def test_pages_multiply() -> None:
    assert "20000 things" in problem(await asked(MANY, n=100))


async def test_the_same_thing_under_many_names_counts_every_time() -> None:
    pages = " ".join(f"p{n}: releaseProjects(first: 100) {{nodes {{name id}}}}" for n in range(99))
    assert "20000 things" in problem(await asked("{" + pages + "}"))


async def test_fragments_count_where_they_are_used() -> None:
    text = MANY.replace("{ id status }", "{ ...all }") + "fragment all on Deployment {id status}"
    assert "20000 things" in problem(await asked(text, n=100))


async def test_fragments_in_a_circle_are_refused() -> None:
    text = """
    { releaseProject(name: "web") { ...a } }
    fragment a on ReleaseProject { environments { parent { name } } ...b }
    fragment b on ReleaseProject { name ...a }
    """
    assert "Cannot spread fragment" in problem(await asked(text))


@pytest.mark.parametrize(
    "text",
    [
        "{" + "viewer{fullName} " * 300 + "}",
        "{releaseProjects(first: 1) {" + "nodes{repository{name}} " * 200 + "}}",
        "{viewer{" + "... on Viewer{email} " * 300 + "}}",
        "{viewer{" + "...f " * 300 + "}} fragment f on Viewer {email}",
        "{viewer{email}} fragment unused on Viewer {" + "email " * 300 + "}",
        "{viewer{...f0}} fragment f20 on Viewer {email} "
        + " ".join(f"fragment f{n} on Viewer {{...f{n + 1} ...f{n + 1}}}" for n in range(20)),
    ],
)
async def test_what_is_asked_for_again_and_again_is_refused_before_it_is_compared(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To validate it would take the square of its length, while nobody else is answered."""
    validated: list[object] = []
    monkeypatch.setattr(execution, "validate", lambda *told, **_: validated.append(told) or [])
    assert "too many times in one place" in problem(await asked(text))
    assert not validated


async def test_fragments_of_many_parts_of_a_page_may_ask_for_the_same() -> None:
    """As clients that put their queries together do."""
    parts = range(40)
    text = "{releaseProjects(first: 1) {nodes {" + " ".join(f"...p{n}" for n in parts) + "}}}"
    text += " ".join(f"fragment p{n} on ReleaseProject {{id repository {{name}}}}" for n in parts)
    document = parse(text)
    likeness.check_likeness(document)
    assert not execution.validate(SCHEMA, document)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("String!", 5), ("String!", None), ("String!", ["web"]), ("String!", {"a": 1})],
)
async def test_a_variable_of_another_kind_is_refused_by_its_name(kind: str, value: Any) -> None:
    text = f"query ($project: {kind}) {{releaseProject(name: $project) {{name}}}}"
    assert "$project" in problem(await asked(text, project=value))


async def test_variables_may_not_hold_too_much() -> None:
    text = "mutation ($i: CherryPickInput!) {cherryPick(input: $i) {cherryPicks {id}}}"
    wanted = {"project": "web", "version": "1.0", "commits": ["c"] * 10_001}
    assert "10000 values" in problem(await asked(text, i=wanted))


@pytest.mark.parametrize("first", [0, -1, 101, 10**9])
async def test_a_page_has_a_size(first: int) -> None:
    text = f"{{releaseProjects(first: {first}) {{nodes {{name}}}}}}"
    assert "first must be between 1 and 100" in problem(await asked(text))


async def test_a_query_that_is_none_is_one_sentence() -> None:
    for text in ("", "{", "{ releaseProject }", "query a {viewer{email}} query b {viewer{email}}"):
        assert problem(await asked(text))


async def test_a_get_changes_nothing() -> None:
    text = 'mutation {rollback(input: {project: "a", environment: "b"}) {deployment {id}}}'
    answer = await execution.run(SCHEMA, Query(text, may_change=False), None)
    assert "POST" in problem(answer)
