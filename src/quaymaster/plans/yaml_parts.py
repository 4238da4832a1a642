"""The parts that jobs, stages and whole YAML pipelines share: pools, variables, legs, sources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from quaymaster.domain.build_dependencies import NAMED, computed
from quaymaster.domain.build_plan import RepositoryPlan
from quaymaster.domain.errors import Invalid
from quaymaster.domain.expressions import ExpressionError
from quaymaster.domain.plan import Demand
from quaymaster.plans.azure_demands import demand_in
from quaymaster.plans.yaml_reading import Value
from quaymaster.plans.yaml_steps import Checkout

MOST_LEGS = 50
LONGEST_NAME = 100
SERVER = "server"


@dataclass(frozen=True, slots=True)
class Pool:
    """Where jobs run: the name of a queue ("": the definition's) and what they demand; or
    `on_server`, without an agent."""

    queue: str = ""
    demands: tuple[Demand, ...] = ()
    on_server: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """One job of a matrix; the only job of what is none has no name."""

    name: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Legs:
    """The jobs that a strategy makes of one, and how many of them may run at once (0: all)."""

    legs: tuple[Leg, ...]
    most_at_once: int = 0


@dataclass(frozen=True, slots=True)
class Variables:
    """Values by name, and the variable groups that are named, each with the value that does."""

    values: dict[str, str]
    groups: tuple[Value, ...] = ()


def refuse_others(said: Mapping[str, Value], known: frozenset[str], what: str) -> None:
    """Every name that is not known there is a problem at its line."""
    for name, value in said.items():
        if name not in known:
            value.complain(f"{name[:40]!r} is not supported in {what}; remove it")


def check_name(at: Value, name: str, what: str) -> None:
    """A name that others refer to has 100 letters, digits and underscores at most, as published."""
    if len(name) > LONGEST_NAME:
        at.complain(f"{name[:40]!r}… is too long a name of a {what}: 100 characters at most")
    elif not (name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()):
        at.complain(
            f"{name[:40]!r} is no name of a {what}: use letters, digits and underscores, and begin "
            "with none of the digits"
        )


def pool(value: Value | None, usual: Pool) -> Pool:
    """A queue by name; images of hosted machines mean the queue of the definition."""
    if value is None or value.is_nothing:
        return usual
    if value.is_text:
        name = value.text()
        return Pool(on_server=True) if name.strip().casefold() == SERVER else Pool(name)
    said = value.entries()
    refuse_others(said, frozenset({"name", "demands", "vmImage"}), "a pool")
    demands: list[Demand] = []
    for text in said["demands"].texts() if "demands" in said else ():
        try:
            demands.append(demand_in(text))
        except Invalid as error:
            said["demands"].complain(error.message)
    return Pool(said["name"].text() if "name" in said else "", tuple(demands))


def variables(said: Mapping[str, Value], named: Iterable[str] = NAMED) -> Variables:
    """Variables as a map, or as a list of names and values, and of groups.

    A value `$[ … ]` is computed when its job begins, from the values `named`.
    """
    value = said.get("variables")
    if value is None or value.is_nothing:
        return Variables({})
    found, groups = _listed(value) if value.is_list else (value.entries(), ())
    values = {name: one.text() for name, one in found.items()}
    for name, text in values.items():
        try:
            computed(text, named)
        except ExpressionError as error:
            found[name].complain(f"the variable {name[:40]!r} cannot be computed: {error}")
    return Variables(values, groups)


def _listed(value: Value) -> tuple[dict[str, Value], tuple[Value, ...]]:
    found: dict[str, Value] = {}
    groups: list[Value] = []
    for entry in value.items():
        inside = entry.entries()
        if "group" in inside:
            refuse_others(inside, frozenset({"group"}), "a variable group")
            groups.append(inside["group"])
        elif "template" in inside:
            entry.complain("templates are not supported; write the variables themselves")
        elif "name" not in inside or "value" not in inside:
            entry.complain("a variable needs a name and a value; give it both")
        else:
            refuse_others(inside, frozenset({"name", "value", "readonly"}), "a variable")
            if "readonly" in inside and inside["readonly"].flag():
                inside["readonly"].complain("'readonly' is not supported; remove it")
            found[inside["name"].text()] = inside["value"]
    return found, tuple(groups)


def legs(said: Mapping[str, Value]) -> Legs:
    """The jobs that a strategy makes of one: a matrix' legs, numbered parts, or the job itself."""
    if "strategy" not in said:
        return Legs((Leg("", {}),))
    at = said["strategy"]
    strategy = at.entries()
    refuse_others(strategy, frozenset({"matrix", "parallel", "maxParallel"}), "a strategy")
    made = _matrix(strategy["matrix"]) if "matrix" in strategy else _numbered(strategy)
    if not 1 <= len(made) <= MOST_LEGS:
        at.complain(f"a strategy makes 1 to {MOST_LEGS} jobs, not {len(made)}")
    most = strategy["maxParallel"].whole() if "maxParallel" in strategy else 0
    return Legs(tuple(made), most)


def _matrix(value: Value) -> list[Leg]:
    if value.is_text:
        value.complain("a matrix that is computed while the build runs is not supported; write it")
        return [Leg("", {})]
    made = []
    for name, leg in value.entries().items():
        check_name(leg, name, "leg of a matrix")
        made.append(Leg(name, {key: one.text() for key, one in leg.entries().items()}))
    return made


def _numbered(strategy: Mapping[str, Value]) -> list[Leg]:
    count = strategy["parallel"].whole() if "parallel" in strategy else 1
    if count > MOST_LEGS:
        strategy["parallel"].complain(f"a strategy makes 1 to {MOST_LEGS} jobs, not {count}")
    total = {"System.TotalJobsInPhase": str(count)}
    return [
        Leg(str(place), {"System.JobPositionInPhase": str(place), **total})
        for place in range(1, min(count, MOST_LEGS) + 1)
    ]


def repository(
    known: RepositoryPlan, wanted: Checkout, *, cleaned: bool = False
) -> RepositoryPlan | None:
    """The definition's repository as the job wants it; None when it says nothing."""
    if wanted == Checkout(wanted.is_wanted) and not cleaned:
        return None
    return replace(
        known,
        clean=cleaned or (known.clean if wanted.clean is None else wanted.clean),
        fetch_depth=known.fetch_depth if wanted.depth is None else wanted.depth,
        submodules=known.submodules
        if wanted.submodules is None
        else wanted.submodules in ("true", "recursive"),
        lfs=known.lfs if wanted.lfs is None else wanted.lfs,
        fetch_tags=known.fetch_tags if wanted.tags is None else wanted.tags,
        nested_submodules=wanted.submodules == "recursive",
    )
