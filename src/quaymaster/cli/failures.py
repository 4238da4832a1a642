"""Failures whose text is meant for the person at the command line."""

from quaymaster.domain.errors import DomainError
from quaymaster.runner.tasks.installed.declaration import TaskRefused
from quaymaster.server.http import AddressInUseError
from quaymaster.server.postgres.errors import PostgresUnavailableError
from quaymaster.settings import SettingError
from quaymaster.store.migrate import SchemaTooNew
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.storage.vault import VaultError

_FOR_PEOPLE = (
    AddressInUseError,
    DatabaseUnavailable,
    DomainError,
    PostgresUnavailableError,
    SchemaTooNew,
    SettingError,
    TaskRefused,
    VaultError,
)


def is_for_people(error: Exception) -> bool:
    """Whether the text of this error says what is wrong and what to do."""
    return isinstance(error, _FOR_PEOPLE)
