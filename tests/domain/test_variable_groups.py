"""How groups of variables and a scope's own variables come together (SEMANTICS 5.4)."""

from quaymaster.domain.overrides import Values
from quaymaster.domain.variable_groups import GroupVariable, VariableGroup, under


def group(number: int, secrets: dict | None = None, **values: str) -> VariableGroup:
    hidden = secrets or {}
    variables = {name: GroupVariable(value) for name, value in values.items()}
    variables |= {name: GroupVariable("", is_secret=True) for name in hidden}
    return VariableGroup(number, f"Group {number}", variables=variables, secrets=hidden)


def test_a_group_gives_what_the_scope_lacks():
    assert under(Values({"a": "1"}), [group(1, b="2")]).plain == {"a": "1", "b": "2"}


def test_the_scope_wins_over_its_groups_in_any_case():
    assert under(Values({"Color": "blue"}), [group(1, color="red")]).plain == {"Color": "blue"}


def test_the_later_group_wins():
    assert under(Values(), [group(1, a="1"), group(2, a="2")]).plain == {"a": "2"}


def test_what_is_secret_anywhere_is_secret():
    found = under(Values({"key": "plain"}), [group(1, {"Key": "hidden"})])
    assert (found.plain, found.secret) == ({}, {"key": "plain"})


def test_secrets_do_not_show():
    assert "hidden" not in repr(group(1, {"key": "hidden"}))
