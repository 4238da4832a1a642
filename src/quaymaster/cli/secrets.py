"""Commands about the key that secrets are sealed with."""

from pathlib import Path

from quaymaster.cli import options
from quaymaster.cli.homes import on_database
from quaymaster.cli.options import Home
from quaymaster.cli.printing import say
from quaymaster.server import access
from quaymaster.store import resealing
from quaymaster.store.storage import vault
from quaymaster.store.storage.vault import open_vault


def rotate(*, home: Home = None) -> None:
    settings = options.settings(home)
    access.check_there(settings)  # no key for a home that nobody has made
    vault.add_key(settings.secret_key_file)
    done = _resealed(home, settings.secret_key_file)
    say(f"Sealed anew with a new key: {done}. Restart what runs, then: quaymaster secrets forget")


def forget(*, home: Home = None) -> None:
    settings = options.settings(home)
    done = _resealed(home, settings.secret_key_file)
    keys = vault.forget_older_keys(settings.secret_key_file)
    say(f"Sealed anew: {done}. Older keys forgotten: {keys}.")


def _resealed(home: Path | None, key_file: Path) -> int:
    return on_database(home, lambda database: resealing.reseal(database, open_vault(key_file)))
