"""Compiles what a worker must offer (SEMANTICS 12.7)."""

from collections.abc import Iterable

from quaymaster.domain.errors import Invalid
from quaymaster.domain.plan import Demand
from quaymaster.plans.reading import Node


def demands(owner: Node) -> tuple[Demand, ...]:
    """The demands of a stage or phase: text (`Name -equals x`), or objects of name and value."""
    made = []
    for position, entry in enumerate(owner.items("demands")):
        path = f"{owner.at('demands')}[{position}]"
        demand = _demand(entry, path, owner)
        if demand is None:
            form = "Name, Name -equals value or Name -gtVersion 1.2.3"
            owner.report.complain(path, f"is no demand; write it as {form}")
        else:
            made.append(demand)
    return tuple(made)


def of_task(texts: Iterable[str]) -> tuple[Demand, ...]:
    """What an installed task demands, as its task.json writes it; what is no demand is left out."""
    return tuple(demand for demand in map(_from_text, texts) if demand)


def demand_in(text: str) -> Demand:
    """One demand in the form `Name -equals value`. Raises Invalid."""
    found = _from_text(text)
    if found is None:
        form = "Name, Name -equals value or Name -gtVersion 1.2.3"
        raise Invalid(f"{text[:80]!r} is no demand; write it as {form}.")
    return found


def _demand(entry: object, path: str, owner: Node) -> Demand | None:
    if isinstance(entry, str):
        return _from_text(entry)
    if not isinstance(entry, dict):
        return None
    node = Node(entry, path, owner.report)
    named = _from_text(node.text("name"))
    if named is None or named.value is not None or not node.has("value"):
        return named
    return Demand(named.name, node.text("value"))


def _from_text(text: str) -> Demand | None:
    name, *rest = text.split(maxsplit=2)[:3] if text.strip() else [""]
    if not name:
        return None
    match [part.lower() for part in rest[:1]]:
        case []:
            return Demand(name)
        case ["-equals"] if len(rest) > 1:
            return Demand(name, rest[1].strip())
        case ["-gtversion"] if len(rest) > 1:
            return Demand(name, rest[1].strip(), at_least=True)
        case _:
            return None
