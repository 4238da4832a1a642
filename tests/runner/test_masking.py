"""Masking: in which shapes a secret is recognised, what stays readable, and that nothing slips."""

import base64
import json
import subprocess
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from quaymaster.runner.masking import MASK, Masker

SECRET = 'p%q;r]s "t" ü/\\x'


def masker(*secrets: str, minimum_length: int = 0) -> Masker:
    made = Masker(minimum_length)
    for secret in secrets:
        made.add(secret)
    return made


@pytest.mark.parametrize(
    "shape",
    [
        SECRET,
        f"  {SECRET}\t",
        SECRET.replace("%", "%AZP25"),
        SECRET.replace("%", "%AZP25").replace(";", "%3B").replace("]", "%5D"),
        SECRET.replace(";", "%3B").replace("]", "%5D"),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(SECRET))[3:-3],
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        SECRET[::-1],
        "p%q;r]s &quot;t&quot; ü/\\x",
    ],
)
def test_a_secret_is_masked_in_every_shape(shape: str) -> None:
    before, after = "before ", " after"
    masked = masker(SECRET).mask(f"{before}{shape.strip()}{after}")
    assert masked == f"{before}{MASK}{after}"


@pytest.mark.parametrize("user", ["u", "us", "user", "some.user@example.com"])
@pytest.mark.parametrize("tail", ["", "!", "more"])
def test_a_password_inside_base64_does_not_come_out_whole(user: str, tail: str) -> None:
    header = base64.b64encode(f"{user}:correct horse battery{tail}".encode()).decode()
    masked = masker("correct horse battery").mask(f"Authorization: Basic {header}")
    assert MASK in masked
    left = masked.removeprefix("Authorization: Basic ").split(MASK)
    assert sum(map(len, left)) <= len(header) - 26


@pytest.mark.parametrize(
    "secret", ["it's, say, mine!", "a b&c|d", "back\\slash's $HOME", "#hash (1)"]
)
@pytest.mark.parametrize("script", ["printf '%q' \"$S\"", 'set -x; : "$S"', "declare -p S"])
def test_a_secret_is_masked_as_a_shell_quotes_it(secret: str, script: str) -> None:
    said = subprocess.run(
        ["bash", "-c", script], env={"S": secret}, capture_output=True, text=True, check=True
    )
    printed = said.stdout + said.stderr
    assert secret in printed or "\\" in printed
    shown = masker(secret).mask(printed)
    assert MASK in shown
    assert not any(word in shown for word in ("say", "mine", "c|", "slash", "HOME", "hash"))


def test_a_secret_is_masked_in_the_repr_of_a_script() -> None:
    secret = 'it\'s "mine"\\'
    assert masker(secret).mask(f"value: {secret!r}") == f"value: '{MASK}'"


def test_what_only_resembles_a_secret_stays() -> None:
    made = masker("Secret", "31")
    assert made.mask("secret 3 1 U2VjcmV") == "secret 3 1 U2VjcmV"
    assert made.mask("3331") == "33***"


def test_short_secrets_have_no_disguises() -> None:
    assert masker("1").mask("31 0x31 MQ==") == "3*** 0x3*** ***"


def test_matches_that_overlap_or_touch_become_one() -> None:
    assert masker("abc", "cde", "ef").mask("xabcdefx") == "x***x"
    assert masker("ab", "cd").mask("ab cd abcd") == "*** *** ***"
    assert masker("aa").mask("aaaaa") == MASK


@pytest.mark.parametrize("secret", ["", " ", "\t\n"])
def test_blank_secrets_are_left_out(secret: str) -> None:
    assert masker(secret).mask("a b\tc\n") == "a b\tc\n"


class TestSeveralLines:
    PEM = "-----BEGIN KEY-----\r\n  MIIEabcdef\r\nxy\r\n\r\n-----END KEY-----\r\n"

    def test_each_line_of_three_characters_is_masked_alone(self) -> None:
        made = masker(self.PEM)
        assert made.mask("got MIIEabcdef") == "got ***"
        assert made.mask("xy") == "xy"

    def test_masking_line_by_line_can_be_left_out(self) -> None:
        made = Masker(line_by_line=False)
        made.add(self.PEM)
        assert made.mask(f"MIIEabcdef {self.PEM}") == "MIIEabcdef ***"

    def test_the_whole_is_masked_however_its_lines_end(self) -> None:
        made = masker(self.PEM)
        for text in (self.PEM, self.PEM.replace("\r\n", "\n")):
            assert made.mask(f"<{text}>") == "<***>"
        escaped = self.PEM.replace("\r", "%0D").replace("\n", "%0A")
        assert made.mask(f"<{escaped}>") == "<***>"
        assert made.mask(json.dumps(self.PEM)) == '"***"'


class TestMinimumLength:
    def test_shorter_ones_are_not_masked(self) -> None:
        assert masker("abc", "abcd", minimum_length=4).mask("abc abcd") == "abc ***"

    def test_six_is_the_most(self) -> None:
        assert masker("abcdef", minimum_length=99).mask("abcdef") == MASK


class TestPasswordsInUrls:
    @pytest.mark.parametrize(
        ("line", "masked"),
        [
            ("https://user:pa:ss@host/x", "https://user:***@host/x"),
            ("redis://:pw@host", "redis://:***@host"),
            ("git clone https://u:p@ss@h", "git clone https://u:***@h"),
            ("//a:b@c //d:e@f", "//a:***@c //d:***@f"),
            ("https://me@work.example:pw@host", "https://me@work.example:***@host"),
            ("https://u4:p4';.!&*()=,$-+~@host", "https://u4:***@host"),
        ],
    )
    def test_they_are_always_masked(self, line: str, masked: str) -> None:
        assert Masker().mask(line) == masked

    @pytest.mark.parametrize(
        "line",
        [
            "https://host:8080/path?mail=a@b.example",
            "https://user@host",
            "see http://host:80 or mail me@x.example",
            "// note: a@b",
        ],
    )
    def test_other_addresses_stay(self, line: str) -> None:
        assert Masker().mask(line) == line

    def test_a_secret_next_to_one_is_masked_with_it(self) -> None:
        assert masker("@host").mask("//u:pw@host/") == "//u:***/"


def test_a_representation_shows_no_secret() -> None:
    assert repr(masker("hunter2")) == "Masker(1 secrets)"


def test_the_longest_is_known_to_whoever_cuts_lines() -> None:
    assert Masker().longest == 0
    assert masker("x" * 100).longest >= 200  # in hex


def test_a_secret_added_later_is_masked_from_then_on() -> None:
    made = masker("one")
    assert made.mask("one two") == "*** two"
    made.add("two")
    assert made.mask("one two") == "*** ***"


def test_secrets_each_ending_another_cost_no_more_than_whole_lines() -> None:
    made = masker(*("a" * length for length in range(1, 200)))
    assert made.mask("b aa b\nccc\n" + "a" * 100_000) == "***\nccc\n***"


def test_a_lone_surrogate_is_no_way_out() -> None:
    assert masker("secret").mask("\ud800 secret") == "\ud800 ***"
    assert masker("sec\udfffret").mask("sec?ret") == MASK


secrets = st.text(min_size=1, max_size=12).filter(str.strip)
small = st.text("ab*\n ", min_size=1, max_size=5)


@settings(max_examples=300)
@given(st.lists(secrets | small, max_size=5), st.lists(secrets | small, max_size=8))
def test_no_secret_survives_and_masking_again_changes_nothing(
    known: list[str], printed: list[str]
) -> None:
    made = masker(*known)
    masked = made.mask(
        "".join(value for pair in zip(printed, known, strict=False) for value in pair)
    )
    assert made.mask(masked) == masked
    rest = masked.replace(MASK, "\ue000")
    for secret in known:
        assert not secret.strip() or secret not in rest


@settings(max_examples=300)
@given(secrets, st.text(max_size=30), st.text(max_size=30))
def test_what_is_around_a_secret_stays(secret: str, before: str, after: str) -> None:
    assume(secret == secret.strip() and "//" not in before + secret + after)
    made = masker(secret)
    assume(made.mask(before) == before and made.mask(after) == after)
    masked = made.mask(f"{before}\ue001{secret}\ue001{after}")
    assert masked == f"{before}\ue001{MASK}\ue001{after}"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("it is \x1b[31mhunter2\x1b[0m!", "it is \x1b[31m***\x1b[0m!"),
        ("it is hun\x1b[1;31mter2!", "it is ***!"),
        ("h\x1b[0mu\x1b[0mn\x1b[0mt\x1b[0me\x1b[0mr\x1b[0m2", "***"),
        ("\x1b]8;;http://x\x07hunter2\x1b]8;;\x07", "\x1b]8;;http://x\x07***\x1b]8;;\x07"),
        ("//me:pass\x1b[0mword@host", "//me:***@host"),
        ("\x1b[31mnothing here\x1b[0m", "\x1b[31mnothing here\x1b[0m"),
        ("\x1b", "\x1b"),
    ],
)
def test_a_secret_that_is_coloured_is_masked(line: str, masked: str) -> None:
    masker = Masker()
    masker.add("hunter2")
    assert masker.mask(line) == masked


def test_another_case_is_another_text() -> None:
    """SEMANTICS 16.7: exact matches, minding case."""
    masker = Masker()
    masker.add("Hunter2")
    assert masker.mask("hunter2 Hunter2") == "hunter2 ***"
