"""All settings of a Quaymaster process, read once from the environment and passed down."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


class SettingError(ValueError):
    """A setting that cannot be used; the text names it, its value and what it may be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator can set (DESIGN 7). Values that may hold a secret are not in its `repr`."""

    home: Path
    database_url: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    """What clients call this server, without a closing slash; None: as each request calls it."""
    admin_token: str | None = field(default=None, repr=False)
    storage: str | None = field(default=None, repr=False)
    """Where logs and artifacts are kept, as an obstore address; None for a folder in the home."""
    secret_key: Path | None = None
    max_body_bytes: int = 32 * 1024 * 1024
    strict_versions: bool = False
    """Whether a request that changes something must name its api-version (CONTRACT A.4)."""
    requests_per_minute: int = 300_000
    """How many requests, of all APIs, an identity may send to a process; 0 is any number."""
    allowed_addresses: tuple[str, ...] = ()
    """Networks and hosts that outgoing calls may reach although they are not public."""
    capabilities: Mapping[str, str] = field(default_factory=dict)
    """What the workers started here offer besides what they find on their machine."""
    worker_lease_seconds: int = 30
    sweep_seconds: int = 30

    tasks: Path | None = None
    """Where installed tasks are; None for a folder in the home."""
    node: Path | None = None
    """The Node.js that runs them; None for the first of the PATH."""

    @property
    def tasks_directory(self) -> Path:
        return self.tasks or self.home / "tasks"

    @property
    def storage_url(self) -> str:
        return self.storage or (self.home / "storage").as_uri()

    @property
    def secret_key_file(self) -> Path:
        return self.secret_key or self.home / "secret.key"


def read(environment: Mapping[str, str]) -> Settings:
    """The settings of `QUAYMASTER_…`; an empty value counts as unset. Raises SettingError."""

    def text(name: str) -> str | None:
        return environment.get(f"QUAYMASTER_{name}", "").strip() or None

    def number(name: str, usual: int, lowest: int, highest: int) -> int:
        return _number(f"QUAYMASTER_{name}", text(name), usual, lowest, highest)

    return Settings(
        home=_folder(text("HOME")),
        database_url=_url("QUAYMASTER_DATABASE_URL", text("DATABASE_URL"), _DATABASES),
        host=text("HOST") or "127.0.0.1",
        port=number("PORT", 8080, 0, 65535),
        public_url=_public_url(text("PUBLIC_URL")),
        admin_token=_token(text("ADMIN_TOKEN")),
        storage=_url("QUAYMASTER_STORAGE_URL", text("STORAGE_URL"), _STORES),
        secret_key=_path(text("SECRET_KEY_FILE")),
        max_body_bytes=number("MAX_BODY_BYTES", 32 * 1024 * 1024, 1024, 2**31),
        strict_versions=_flag("QUAYMASTER_STRICT_VERSIONS", text("STRICT_VERSIONS")),
        requests_per_minute=number("REQUESTS_PER_MINUTE", 300_000, 0, 2**31),
        allowed_addresses=tuple((text("ALLOWED_ADDRESSES") or "").replace(",", " ").split()),
        capabilities=_capabilities(text("CAPABILITIES")),
        worker_lease_seconds=number("WORKER_LEASE_SECONDS", 30, 1, 3600),
        tasks=_path(text("TASKS_DIR")),
        node=_path(text("NODE")),
        sweep_seconds=number("SWEEP_SECONDS", 30, 1, 90),
    )


_DATABASES = ("postgresql", "postgres")
_STORES = ("file", "s3", "az", "abfs", "abfss", "gs", "http", "https", "memory")
_SHORTEST_TOKEN = 20


def default_home() -> Path:
    """Below /var/lib for root, where the database's user can reach it; else the user's own."""
    if os.geteuid() == 0:
        return Path("/var/lib/quaymaster")
    return Path.home() / ".local" / "share" / "quaymaster"


def _folder(given: str | None) -> Path:
    return _path(given) or default_home()


def _path(given: str | None) -> Path | None:
    return Path(given).expanduser().absolute() if given else None


def _number(name: str, given: str | None, usual: int, lowest: int, highest: int) -> int:
    if given is None:
        return usual
    if not given.isascii() or not given.isdigit() or not lowest <= int(given) <= highest:
        raise SettingError(f"{name} is '{given}', and must be a whole number {lowest}…{highest}.")
    return int(given)


def _flag(name: str, given: str | None) -> bool:
    found = {None: False, "true": True, "false": False}.get(given.lower() if given else None)
    if found is None:
        raise SettingError(f"{name} is '{given}', and must be true or false.")
    return found


def _capabilities(given: str | None) -> dict[str, str]:
    """`name=value` or `name`, separated by commas."""
    found: dict[str, str] = {}
    for entry in (given or "").split(","):
        name, _, value = entry.partition("=")
        if name.strip():
            found[name.strip()] = value.strip()
        elif entry.strip():
            raise SettingError(
                f"QUAYMASTER_CAPABILITIES has '{entry.strip()}', which names nothing. It lists "
                "what a worker offers, such as region=north,gpu."
            )
    return found


def _url(name: str, given: str | None, schemes: tuple[str, ...]) -> str | None:
    """Checked without being shown: such an address often holds a password."""
    if given is not None and urlsplit(given).scheme not in schemes:
        wanted = ", ".join(f"{scheme}://" for scheme in schemes)
        raise SettingError(f"{name} must start with one of {wanted}.")
    return given


def _public_url(given: str | None) -> str | None:
    if given is None:
        return None
    parts = urlsplit(given)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise SettingError(
            f"QUAYMASTER_PUBLIC_URL is '{given}', and must be the http:// or https:// address at "
            "which clients reach this server, such as https://releases.example.com."
        )
    return given.rstrip("/")


def _token(given: str | None) -> str | None:
    if given is not None and len(given) < _SHORTEST_TOKEN:
        raise SettingError(
            f"QUAYMASTER_ADMIN_TOKEN is too short: it must have {_SHORTEST_TOKEN} characters or "
            "more. `python3 -c 'import secrets; print(secrets.token_urlsafe(32))'` makes one."
        )
    return given
