"""The page about stages is what the rules say."""

from tools import stages


def test_the_page_is_up_to_date():
    written = stages.PAGE.read_text(encoding="utf-8")
    assert written == stages.page(), "run `make docs`"


def test_every_rule_is_on_it():
    from quaymaster.domain.rules import ALWAYS, UNDER_WAY  # noqa: PLC0415 - what it is about

    for rule in (*ALWAYS, *UNDER_WAY):
        assert rule.__name__.replace("_", " ") in stages.page()
