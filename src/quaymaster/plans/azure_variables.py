"""Compiles the variables of a definition or a stage; values of secrets are not in it."""

from quaymaster.domain.plan import VariablePlan
from quaymaster.plans.azure_secrets import is_secret
from quaymaster.plans.reading import Node, has_control, joined, repeated


def variables(owner: Node) -> dict[str, VariablePlan]:
    """The variables by name (SEMANTICS 5.1); names must differ in more than case (5.5)."""
    found = owner.members("variables")
    twice = repeated(name for name, _ in found)
    made = {}
    for name, variable in found:
        path = joined(owner.at("variables"), name)
        if not name.strip() or has_control(name):
            owner.report.complain(path, "a variable needs a name without control characters")
        elif name.lower() in twice:
            owner.report.complain(path, "another variable has this name in another case; keep one")
        made[name] = _variable(variable)
    return made


def _variable(node: Node) -> VariablePlan:
    node.flag("isSecret")
    secret = is_secret(node.value)
    value = node.text("value")
    return VariablePlan(
        value="" if secret else value,
        is_secret=secret,
        allow_override=node.flag("allowOverride"),
    )
