"""Pages of releases in the light form, as text that is rendered once and kept with the release."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from uuid import UUID

from quaymaster.actions.call import Call
from quaymaster.actions.releases import reading
from quaymaster.actions.releases.reading import People
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection
from quaymaster.store.postgres.paging import Paging
from quaymaster.store.releases import light_releases
from quaymaster.store.releases.light_releases import LightPage
from quaymaster.store.releases.lists import ReleaseFilter
from quaymaster.store.releases.views import ReleaseHead

ATTEMPTS = 2  # at a page whose releases may be changing while they are rendered


@dataclass(frozen=True, slots=True)
class Rendering:
    """How a dialect writes one entry; `form` is another number as soon as it writes otherwise."""

    form: int
    entry: Callable[[ReleaseHead, People], str]


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries joined by commas, how many they are, and the id that the next page begins with."""

    text: str
    count: int
    next: int | None


async def page(call: Call, wanted: ReleaseFilter, paging: Paging, rendering: Rendering) -> Entries:
    """One page of the releases that the caller may view.

    Entries that nobody has asked for since their release changed are rendered and kept.
    """
    async with call.database.read() as connection:
        wanted = _within(wanted, await reading.visible_projects(connection, call))
        found = await light_releases.page(connection, wanted, paging, rendering.form)
    for _ in range(ATTEMPTS):
        if not reading.sees_all(call, found.places):
            break
        if not found.missing:
            return Entries(found.entries, found.count, found.next)
        async with call.database.transaction() as connection:
            await _render(connection, found, rendering)
            found = await light_releases.page(connection, wanted, paging, rendering.form)
    return await _rendered_now(call, wanted, paging, rendering)


@lru_cache(maxsize=256)
def _within(wanted: ReleaseFilter, projects: tuple[UUID, ...]) -> ReleaseFilter:
    """The filter within these projects; the same few are asked for all the time."""
    return replace(wanted, projects=projects)


async def _render(connection: Connection, found: LightPage, rendering: Rendering) -> None:
    lacking = await light_releases.to_render(connection, found.missing)
    heads = [one.head for one in lacking]
    known = await people.get_many(connection, list(reading.mentioned_in(heads)))
    rendered = [(one, rendering.entry(one.head, known)) for one in lacking]
    await light_releases.keep(connection, rendering.form, rendered)


async def _rendered_now(
    call: Call, wanted: ReleaseFilter, paging: Paging, rendering: Rendering
) -> Entries:
    """The same without what is kept: some of it the caller may not see, or it changes too fast."""
    found, known = await reading.releases(call, wanted, paging)
    entries = [rendering.entry(head, known) for head in found.rows]
    return Entries(",".join(entries), len(entries), found.next)
