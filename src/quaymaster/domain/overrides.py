"""Which variables somebody may set when a release is made or a stage is started (SEMANTICS 5.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import VariablePlan

MASK = "********"  # what clients send back for a secret that they did not change


@dataclass(frozen=True, slots=True)
class Override:
    """A value for one variable; `value` None leaves it as the definition has it."""

    value: str | None
    is_secret: bool = False

    def __repr__(self) -> str:
        shown = "***" if self.is_secret else repr(self.value)
        return f"Override(value={shown}, is_secret={self.is_secret})"


@dataclass(frozen=True, slots=True)
class Values:
    """What variables hold in a release: plain values, and secret ones kept apart."""

    plain: dict[str, str] = field(default_factory=dict)
    secret: dict[str, str] = field(default_factory=dict, repr=False)


def overridden(
    planned: Mapping[str, VariablePlan],
    secrets: Mapping[str, str],
    wanted: Mapping[str, Override],
    where: str,
) -> Values:
    """The values of these variables with the caller's on top.

    `secrets` holds the stored values of the secret ones by name, `where` names the place for
    error texts. Raises Invalid for a name that is not declared, and for one that may not be set
    here unless its value is the one it has anyway (UNCERTAIN 44).
    """
    names = {name.casefold(): name for name in planned}
    values = Values(
        {name: plan.value for name, plan in planned.items() if not plan.is_secret},
        {name: secrets.get(name, "") for name, plan in planned.items() if plan.is_secret},
    )
    for given, override in wanted.items():
        name = names.get(given.casefold())
        if name is None:
            raise Invalid(
                f"Variable {given} cannot be set: {where} declares no variable of that name. "
                "Add it there and mark it as settable at release time."
            )
        _set(values, name, planned[name], override, where)
    return values


def _set(values: Values, name: str, plan: VariablePlan, override: Override, where: str) -> None:
    if override.value is None or (plan.is_secret and override.value == MASK):
        return
    held = values.secret if plan.is_secret else values.plain
    if override.value == held.get(name):
        return
    if not plan.allow_override:
        raise Invalid(
            f"Variable {name} of {where} cannot be overridden. "
            "Mark it as settable at release time in the definition, or leave it out."
        )
    if override.is_secret or plan.is_secret:
        values.plain.pop(name, None)
        values.secret[name] = override.value
    else:
        values.plain[name] = override.value
