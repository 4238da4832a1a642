"""Whatever is written where we parse it ourselves is read or refused, never a fault (R-44).

QUAYMASTER_FUZZ_EXAMPLES asks for more examples of each than a test run has time for.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from graphql import GraphQLError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quaymaster.actions.decisions import freeze_times
from quaymaster.apis.aviator.errors import Problem as AviatorProblem
from quaymaster.apis.aviator.graphql import limits
from quaymaster.apis.aviator.graphql.reading import place
from quaymaster.apis.azure import negotiation, paging
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.shared import json_reading, paths, query
from quaymaster.apis.shared.refusals import Refusal
from quaymaster.domain import (
    date_formats,
    filters,
    macros,
    release_names,
    release_versions,
    task_versions,
)
from quaymaster.domain.errors import DomainError
from quaymaster.domain.expressions.errors import ExpressionError
from quaymaster.domain.expressions.evaluate import parse
from quaymaster.domain.release_names import Named, UnusableName
from quaymaster.plans import azure_demands, yaml_reading
from quaymaster.runner import logging_commands
from quaymaster.server import terminal

EXAMPLES = int(os.environ.get("QUAYMASTER_FUZZ_EXAMPLES", "150"))
NAMED = Named(datetime(2024, 3, 15, tzinfo=UTC))
REFUSALS = (
    *(DomainError, Refusal, Problem, AviatorProblem),
    *(ExpressionError, GraphQLError, UnusableName),
)

# Signs that mean something to one of the parsers, among ordinary and odd ones.
WORDS = ("##vso[", "$[", "${{", "rev:", "Date:", "eq(", "and(", "refs/heads/", "-rc", "%AZP25")
ODD = ("9" * 30, "é", "🚀", "\u202e", "\ud800", " ", "\t", "\r", "\n", "\x00", "\x1b")
SIGNS = st.sampled_from([*"$(){}[]<>@#:;,.*?+-/|&^%~='\"`!_\\", *WORDS, *ODD])
TEXT = st.lists(SIGNS | st.text(max_size=6), max_size=30).map("".join)


def _graphql(text: str) -> None:
    limits.check_text(text)


PARSERS: dict[str, Callable[[str], object]] = {
    "expression": parse,
    "condition macros": lambda text: macros.replaced(text, {"a": "b", "b": "$(a)"}),
    "logging command": logging_commands.parse,
    "escapes of a logging command": logging_commands.unescape,
    "release name": lambda text: release_names.release_name(text, NAMED, []),
    "build number": lambda text: release_names.build_number(text, NAMED, []),
    "branch filter": lambda text: filters.branch_matches(text, text[::-1]),
    "task version": lambda text: task_versions.newest(text, ["1.2.3", "2.0.0"]),
    "demand": azure_demands.demand_in,
    "date format": lambda text: date_formats.format_date(datetime(2024, 3, 15, tzinfo=UTC), text),
    "YAML pipeline": lambda text: yaml_reading.read(text, "a.yml"),
    "terminal": terminal.plain,
    "candidate version": release_versions.read,
    "commit": release_versions.commit,
    "cron": freeze_times.check_cron,
    "id token": paging.number,
    "key token of a text": lambda text: paging.key_in(text, "nameAscending", str),
    "key token of a time": lambda text: paging.key_in(text, "nameAscending", datetime),
    "cursor": place,
    "api version": negotiation.parsed,
    "GraphQL": _graphql,
    "query": lambda text: query.read(text.encode("utf-8", "surrogatepass")),
    "path": lambda text: paths.parts(b"/" + text.encode("utf-8", "surrogatepass")),
    "JSON": lambda text: json_reading.decode(text.encode("utf-8", "surrogatepass")),
    "strict JSON": lambda text: json_reading.strict(text.encode("utf-8", "surrogatepass")),
}


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(text=TEXT)
def test_anything_is_read_or_refused(parser: Callable[[str], object], text: str) -> None:
    with suppress(*REFUSALS):
        parser(text)


@pytest.mark.parametrize("sign", ["(", "[", "$(", "eq(", "*", "\\", "{", "%", "-rc", "rev:", "9"])
@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_a_hundred_thousand_of_one_sign_are_read_or_refused(
    parser: Callable[[str], object], sign: str
) -> None:
    with suppress(*REFUSALS):
        parser(sign * 100_000)
