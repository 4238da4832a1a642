"""What all parts of the running product share, made from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from obstore.exceptions import BaseError

from quaymaster.actions.call import Installation
from quaymaster.actions.ports.outside import Outside
from quaymaster.connectors.artifacts.git import GitRepositories
from quaymaster.connectors.artifacts.remote import remote_sources
from quaymaster.connectors.installed_tasks import TasksOfThisMachine
from quaymaster.connectors.repositories import GitFolder
from quaymaster.connectors.server_tasks.running import WebTasks
from quaymaster.connectors.workflows.services import services
from quaymaster.outgoing.addresses import AllowedAddresses
from quaymaster.outgoing.http import GuardedClient
from quaymaster.settings import SettingError, Settings
from quaymaster.store.postgres import database as databases
from quaymaster.store.storage.object_storage import ObjectStorage
from quaymaster.store.storage.vault import open_vault


@asynccontextmanager
async def opened(settings: Settings, dsn: str) -> AsyncIterator[Installation]:
    """The database, the vault, the storage and the connectors, for as long as the block runs.

    Raises DatabaseUnavailable, VaultError or SettingError, whose texts are for people.
    """
    vault = open_vault(settings.secret_key_file)
    files = storage(settings)
    around = outside(settings)
    database = await databases.connect(dsn)
    try:
        yield Installation(
            database=database,
            vault=vault,
            files=files,
            outside=around,
            url=settings.public_url or "",
            strict_versions=settings.strict_versions,
            requests_per_minute=settings.requests_per_minute,
        )
    finally:
        await database.close()


def outside(settings: Settings) -> Outside:
    """The connectors to everything that is not ours. Raises SettingError."""
    try:
        allowed = AllowedAddresses.of(settings.allowed_addresses)
    except ValueError as error:
        raise SettingError(f"QUAYMASTER_ALLOWED_ADDRESSES cannot be used: {error}.") from None
    client = GuardedClient(allowed)
    tasks = TasksOfThisMachine(settings.tasks_directory, str(settings.node or ""))
    repositories = GitFolder(settings.home / "repositories", allowed, home=settings.home)
    git = GitRepositories(repositories)
    return Outside(
        {**remote_sources(client), "git": git, "tfsgit": git},
        WebTasks(client, installed=tasks),
        tasks,
        settings.allowed_addresses,
        client,
        repositories,
        services(client),
    )


def storage(settings: Settings) -> ObjectStorage:
    """Where logs and artifacts are kept. Raises SettingError; it shows no part of the address."""
    try:
        return ObjectStorage.at(settings.storage_url)
    except (BaseError, OSError) as error:
        reason = str(error).split("\n", 1)[0].split(": ", 1)[-1]
        shown = reason if settings.storage is None or "://" not in reason else "no such storage"
        raise SettingError(
            f"QUAYMASTER_STORAGE_URL cannot be used: {shown}. It names a folder, such as "
            "file:///srv/quaymaster, or a bucket, such as s3://name, whose credentials are taken "
            "from the environment as usual."
        ) from None
