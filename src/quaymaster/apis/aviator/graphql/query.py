"""A GraphQL request as it was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Query:
    """What a client sent; `may_change` is false for requests that must change nothing."""

    text: str
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)
    operation: str | None = None
    may_change: bool = True
