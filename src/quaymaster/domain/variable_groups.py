"""Variable groups, and how their values reach a release (SEMANTICS 1.5, 5.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from quaymaster.domain.overrides import Values


@dataclass(frozen=True, slots=True)
class GroupVariable:
    """One variable of a group; the value of a secret is kept apart from it."""

    value: str = ""
    is_secret: bool = False
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class VariableGroup:
    """A group as it is when a release takes its values; `secrets` are by name."""

    id: int
    name: str
    description: str = ""
    type: str = "Vsts"
    variables: Mapping[str, GroupVariable] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def under(values: Values, groups: Sequence[VariableGroup]) -> Values:
    """The values of a scope with those of its groups below them.

    Of two groups the later wins, and a variable of the scope itself wins over both; names
    compare without case, and a name that is secret anywhere in the scope is secret (16.6).
    """
    chosen: dict[str, tuple[str, str, bool]] = {}
    for group in groups:
        for name, variable in group.variables.items():
            value = group.secrets.get(name, "") if variable.is_secret else variable.value
            _put(chosen, name, value, is_secret=variable.is_secret)
    for name, value in values.plain.items():
        _put(chosen, name, value, is_secret=False)
    for name, value in values.secret.items():
        _put(chosen, name, value, is_secret=True)
    return Values(
        {name: value for name, value, secret in chosen.values() if not secret},
        {name: value for name, value, secret in chosen.values() if secret},
    )


def _put(
    chosen: dict[str, tuple[str, str, bool]], name: str, value: str, *, is_secret: bool
) -> None:
    before = chosen.get(name.casefold())
    chosen[name.casefold()] = (name, value, is_secret or bool(before and before[2]))
