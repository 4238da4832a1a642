"""Whether this process lives, and whether it can do its work; asked without credentials."""

from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, get
from litestar.status_codes import HTTP_200_OK, HTTP_503_SERVICE_UNAVAILABLE

from quaymaster.store import migrate
from quaymaster.store.postgres.database import Database, DatabaseUnavailable


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is not ready, for the operator who asks."""

    what: str
    why: str


@get("/health/live", sync_to_thread=False, opt={"public": True})
def live() -> dict[str, str]:
    """200 as long as the process answers at all; says nothing about the database."""
    return {"status": "live"}


@get("/health/ready", opt={"public": True})
async def ready(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """200 when requests can be served, otherwise 503 and what is missing."""
    missing = await _missing(request.app.state.installation.database)
    if not missing:
        return Response({"status": "ready"}, status_code=HTTP_200_OK)
    reasons = [{"what": one.what, "why": one.why} for one in missing]
    return Response(
        {"status": "not ready", "missing": reasons},
        status_code=HTTP_503_SERVICE_UNAVAILABLE,
        headers={"Retry-After": "1"},
    )


async def _missing(database: Database) -> list[Missing]:
    try:
        async with database.read() as connection:
            stand = await migrate.current(connection)  # type: ignore[arg-type]
    except DatabaseUnavailable:
        return [Missing("database", "PostgreSQL does not answer.")]
    if stand != migrate.HEAD:
        why = f"The schema is at step {stand}, this version needs {migrate.HEAD}; run migrate."
        return [Missing("schema", why)]
    return []
