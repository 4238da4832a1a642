"""Logging: lines for people on a terminal, JSON elsewhere, and no secret in either."""

import logging
import re
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from structlog.typing import EventDict, Processor

from quaymaster.server.terminal import plain
from quaymaster.settings import Settings

_SECRET_NAMES = re.compile(
    r"token|password|passwd|secret|authorization|cookie|dsn|api_?key", re.IGNORECASE
)
_HIDDEN = "***"
_QUIET = ("_granian", "asyncio", "alembic", "httpx", "httpcore", "pgqueuer", "tzlocal")


def set_up(settings: Settings, *, verbose: bool = False) -> None:
    """Send everything that is logged, by us or by a library, to stderr in one form."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _Redacted(secrets_of(settings)),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_form()],
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.INFO)
    logging.getLogger("quaymaster").setLevel(logging.DEBUG if verbose else logging.INFO)
    # Each of its tries to reach a lost database would be a stack trace; we say that it is lost.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _form() -> list[Processor]:
    if sys.stderr.isatty():
        return [_plain, structlog.dev.ConsoleRenderer()]
    return [structlog.processors.JSONRenderer()]


def _plain(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """What the renderer shows as it stands: what happened, and the lines of an exception (R-16)."""
    shown = ("event", "exception", "stack")
    return {
        name: plain(value) if name in shown and isinstance(value, str) else value
        for name, value in event.items()
    }


def secrets_of(settings: Settings) -> frozenset[str]:
    """The secrets among the settings, in the spellings in which they could reach a log."""
    urls = [urlsplit(url) for url in (settings.database_url, settings.storage) if url]
    passwords = [url.password for url in urls if url.password]
    found = {settings.admin_token, *passwords, *(unquote(word) for word in passwords)}
    return frozenset(word for word in found if word)


class _Redacted:
    """Hides what is named like a secret, and the known secrets wherever they stand."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted(secrets, key=len, reverse=True)

    def __call__(self, _logger: Any, _method: str, event: EventDict) -> EventDict:
        return {name: self._shown(name, value) for name, value in event.items()}

    def _shown(self, name: str, value: Any) -> Any:
        if _SECRET_NAMES.search(name) and isinstance(value, str | bytes):
            return _HIDDEN
        if isinstance(value, dict):
            return {str(inner): self._shown(str(inner), what) for inner, what in value.items()}
        if isinstance(value, list | tuple):
            return [self._shown(name, what) for what in value]
        if name.startswith("_") or value is None or isinstance(value, bool | int | float):
            return value
        return self._without(str(value))

    def _without(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return text
