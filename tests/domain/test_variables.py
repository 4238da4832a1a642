"""A job's variables: who wins, how macros expand, what a script may change, what a task sees."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster.domain.ordinal import IgnoreCase
from quaymaster.domain.variable_expansion import LARGEST_VALUE, expand
from quaymaster.domain.variables import (
    Handler,
    Scopes,
    Variable,
    VariableError,
    VariableSet,
    effective,
    env_name,
    expand_input,
    handler_environment,
    is_predefined,
)


def variables(**values: str) -> VariableSet:
    return VariableSet(Variable(name, value) for name, value in values.items())


def expanded(**values: str) -> dict[str, str]:
    return dict(expand(variables(**values)).variables.texts())


def warnings(**values: str) -> dict[str, str]:
    return {w.variable: w.reason for w in expand(variables(**values)).warnings}


def test_names_are_one_in_any_case_and_keep_the_last_writing() -> None:
    both = VariableSet([Variable("Path", "1"), Variable("PATH", "2"), Variable("other", "3")])
    assert list(both) == ["PATH", "other"]
    assert both.value("path") == "2"
    assert both.value("missing", "x") == "x"


@pytest.mark.parametrize("name", ["", "  "])
def test_blank_names_are_left_out(name: str) -> None:
    assert len(VariableSet([Variable(name, "x")])) == 0


def test_a_value_never_shows_in_the_representation() -> None:
    assert "hunter2" not in repr(Variable("pw", "hunter2", is_secret=True))


class TestScopes:
    def test_each_narrower_scope_wins(self) -> None:
        scopes = Scopes(
            groups=[[Variable("a", "group 1")], [Variable("a", "group 2"), Variable("b", "group")]],
            release=[Variable("B", "release"), Variable("c", "release")],
            stage_groups=[[Variable("c", "stage group"), Variable("d", "stage group")]],
            stage=[Variable("d", "stage"), Variable("e", "stage")],
            overrides=[Variable("e", "override")],
        )
        assert dict(effective(scopes).texts()) == {
            "a": "group 2",
            "B": "release",
            "c": "stage group",
            "d": "stage",
            "e": "override",
        }

    def test_an_override_of_a_secret_is_secret(self) -> None:
        scopes = Scopes(
            release=[Variable("pw", "old", is_secret=True)], overrides=[Variable("PW", "new")]
        )
        assert effective(scopes).secrets() == ["new"]

    def test_a_plain_variable_of_a_narrower_scope_is_plain(self) -> None:
        scopes = Scopes(release=[Variable("x", "s", is_secret=True)], stage=[Variable("x", "p")])
        assert effective(scopes).secrets() == []

    def test_system_variables_win_but_for_debug(self) -> None:
        scopes = Scopes(
            stage=[Variable("System.Debug", "true"), Variable("system.hosttype", "mine")],
            system=[Variable("System.Debug", "false"), Variable("System.HostType", "release")],
        )
        found = effective(scopes)
        assert (found.value("system.debug"), found.value("system.hosttype")) == ("true", "release")


class TestSetByAScript:
    def test_a_secret_stays_secret(self) -> None:
        job = VariableSet([Variable("pw", "a", is_secret=True)])
        assert job.set(Variable("PW", "b")) == []
        assert job["pw"].is_secret
        assert job.value("pw") == "b"

    def test_an_output_is_known_behind_its_step_and_read_only(self) -> None:
        job = VariableSet()
        job.set(Variable("url", "x"), output_of="deploy")
        assert list(job) == ["deploy.url"]
        assert job["deploy.url"].is_read_only

    def test_an_output_needs_the_name_of_its_step(self) -> None:
        with pytest.raises(VariableError, match="reference name"):
            VariableSet().set(Variable("url", "x"), output_of="")

    @pytest.mark.parametrize("name", ["mine", "Release.ReleaseId", "agent.jobstatus"])
    def test_a_read_only_one_is_set_with_a_warning_or_refused(self, name: str) -> None:
        job = VariableSet([Variable("mine", "1", is_read_only=True)])
        with pytest.raises(VariableError, match="read-only"):
            job.set(Variable(name, "2"), refuse_read_only=True)
        assert name in job.set(Variable(name, "2"))[0]
        assert job.value(name) == "2"

    def test_a_variable_needs_a_name(self) -> None:
        with pytest.raises(VariableError):
            VariableSet().set(Variable(" ", "2"))

    @pytest.mark.parametrize(
        ("name", "predefined"),
        [("BUILD.x", True), ("pipeline.workspace", True), ("System.Debug", False), ("a", False)],
    )
    def test_what_the_product_sets_itself(self, name: str, predefined: bool) -> None:
        assert is_predefined(name) is predefined


class TestExpansion:
    def test_macros_are_found_from_left_to_right(self) -> None:
        assert expanded(a="x$($(b)y", b="B")["a"] == "x$(By"
        assert expanded(a="$(b)$(c)$(b)", b="B")["a"] == "B$(c)B"
        assert expanded(a="$(B", b="x")["a"] == "$(B"

    def test_what_comes_in_is_not_joined_with_what_follows(self) -> None:
        assert expanded(a="$(b)c)", b="$(", c="C")["a"] == "$(c)"

    def test_whoever_takes_in_a_secret_becomes_secret(self) -> None:
        job = VariableSet(
            [Variable("a", "$(b)"), Variable("b", "<$(pw)>"), Variable("PW", "s", is_secret=True)]
        )
        assert set(expand(job).variables.secrets()) == {"<s>", "s"}

    def test_cycles_stay_and_warn_and_so_does_who_meets_one(self) -> None:
        found = warnings(a="$(b)", b="$(c)", c="$(b)", d="$(d)", e="fine $(f)", f="F")
        assert found == dict.fromkeys("abcd", "cycle")
        assert expanded(a="$(b)", b="$(b)")["a"] == "$(b)"

    def test_forty_nine_levels_expand_and_fifty_do_not(self) -> None:
        chain = {f"v{n}": f"$(v{n + 1})" for n in range(51)} | {"v51": "end"}
        assert warnings(**chain) == {"v0": "maxDepth", "v1": "maxDepth"}
        assert expanded(**chain)["v2"] == "end"

    def test_doubling_stops_at_a_megabyte(self) -> None:
        bomb = {f"v{n}": f"$(v{n + 1})" * 10 for n in range(40)} | {"v40": "0123456789"}
        assert set(warnings(**bomb).values()) == {"tooLarge"}
        assert max(map(len, expanded(**bomb).values())) <= LARGEST_VALUE

    def test_a_large_value_without_macros_is_no_problem(self) -> None:
        assert warnings(a="x" * (LARGEST_VALUE + 1)) == {}

    def test_a_chain_of_ten_thousand_is_no_problem(self) -> None:
        chain = {f"v{n}": f"$(v{n + 1})" for n in range(10_000)}
        assert len(warnings(**chain)) == 10_000 - 50

    def test_a_warning_is_a_sentence(self) -> None:
        warning = expand(variables(a="$(a)")).warnings[0]
        assert str(warning) == (
            "Variable 'a' refers to itself, directly or through others; it is left unexpanded"
        )


class TestInputs:
    def test_variables_first_then_the_environment(self) -> None:
        found = expand_input(
            "$(App) $(HOME) $(home) $(x)", IgnoreCase({"app": "web"}), {"HOME": "/h", "app": "no"}
        )
        assert found == "web /h $(home) $(x)"

    def test_many_openings_before_one_end_are_read_in_one_go(self) -> None:
        text = "$(" * 200_000 + "a)"
        assert expand_input(text, {"a": "A"}) == "$(" * 199_999 + "A"


class TestEnvironment:
    @pytest.mark.parametrize(
        ("name", "found"), [("a.b c-d", "A_B_C-D"), ("straße", "STRAßE"), ("", "")]
    )
    def test_names(self, name: str, found: str) -> None:
        assert env_name(name) == found

    def test_secrets_never_go_under_their_own_name(self) -> None:
        job = VariableSet([Variable("a.b", "1"), Variable("p w", "s", is_secret=True)])
        for handler in Handler:
            environment = handler_environment(handler, job, {"in put": "x"}, {"A_B": "0", "C": "c"})
            assert environment["A_B"] == "1"
            assert environment["C"] == "c"
            assert "P_W" not in environment
            gets_secrets = handler in (Handler.NODE, Handler.POWERSHELL3)
            assert ("s" in environment.values()) is gets_secrets
            assert ("INPUT_IN_PUT" in environment) is gets_secrets

    def test_the_lists_of_names_are_json(self) -> None:
        job = VariableSet([Variable('a"b', "1"), Variable("s", "s", is_secret=True)])
        environment = handler_environment(Handler.NODE, job, {})
        assert json.loads(environment["VSTS_PUBLIC_VARIABLES"]) == ['a"b']
        assert json.loads(environment["VSTS_SECRET_VARIABLES"]) == ["s"]

    def test_a_name_may_keep_its_case(self) -> None:
        job = VariableSet([Variable("My.Var", "1", preserve_case=True)])
        assert handler_environment(Handler.PROCESS, job, {}) == {"My_Var": "1"}


names = st.sampled_from(["a", "b", "c", "D", "e f"])
values = st.lists(
    st.sampled_from(["$(a)", "$(B)", "$(c)", "$(d)", "$(e f)", "$(", ")", "$", "x", "$(no)"]),
    max_size=4,
).map("".join)


@settings(max_examples=300)
@given(st.dictionaries(names, values, max_size=5), st.sets(names))
def test_expansion_is_complete_or_warned_about(written: dict[str, str], secret: set[str]) -> None:
    job = VariableSet(Variable(n, v, is_secret=n in secret) for n, v in written.items())
    outcome = expand(job)
    left_alone = {warning.variable for warning in outcome.warnings}
    for name, value in written.items():
        result = outcome.variables[name]
        if name in left_alone:
            assert result.value == value
        else:
            assert result.value == expand_input(value, outcome.variables.texts())
        assert result.is_secret or name not in secret


@settings(max_examples=300)
@given(st.text(max_size=60), st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_any_text_expands_to_something(text: str, known: dict[str, str]) -> None:
    found = expand_input(text, known)
    if "$(" not in text:
        assert found == text
