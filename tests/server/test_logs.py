"""What is logged is one JSON object a line, and holds no secret."""

import io
import json
import logging

import pytest
import structlog

from quaymaster import settings
from quaymaster.server import logs

SECRET_SETTINGS = {
    "QUAYMASTER_DATABASE_URL": "postgresql://me:p%40ssw0rd-hunter2@host/db",
    "QUAYMASTER_ADMIN_TOKEN": "the-first-token-of-all-0123",
}


@pytest.fixture
def logged(monkeypatch):
    """The lines logged since, as JSON."""
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    logs.set_up(settings.read(SECRET_SETTINGS))
    (ours,) = logging.root.handlers
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    logging.root.removeHandler(ours)
    structlog.reset_defaults()


def test_a_line_says_when_who_and_what(logged):
    structlog.get_logger("quaymaster.test").info("stage started", release=7)
    (line,) = logged()
    assert line["event"] == "stage started"
    assert line["release"] == 7
    assert line["logger"] == "quaymaster.test"
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


def test_libraries_log_in_the_same_form(logged):
    logging.getLogger("some.library").warning("running low on %s", "space")
    (line,) = logged()
    assert line["event"] == "running low on space"


@pytest.mark.parametrize("name", ["token", "password", "authorization", "client_secret", "dsn"])
def test_what_is_named_like_a_secret_is_hidden(logged, name):
    structlog.get_logger("quaymaster.test").info(
        "asked", **{name: "hunter3", "nested": {name: "x"}}
    )
    (line,) = logged()
    assert line[name] == "***"
    assert line["nested"] == {name: "***"}


@pytest.mark.parametrize(
    "text",
    [
        "cannot reach postgresql://me:p%40ssw0rd-hunter2@host/db",
        "wrong password p@ssw0rd-hunter2",
        "the-first-token-of-all-0123 was refused",
    ],
)
def test_a_known_secret_is_hidden_wherever_it_stands(logged, text):
    structlog.get_logger("quaymaster.test").info(text, where=[text])
    logging.getLogger("some.library").warning(text)
    structlog.get_logger("quaymaster.test").error("failed", exc_info=RuntimeError(text))
    said = json.dumps(logged())
    assert "hunter2" not in said
    assert "the-first-token" not in said


def test_a_newline_in_a_value_cannot_forge_a_line(logged):
    structlog.get_logger("quaymaster.test").info("named", name='x\n{"event": "forged"}')
    assert len(logged()) == 1
