"""Looking at the repositories of builds that do not tell of pushes by themselves (issue 4.3).

The first look only remembers what is there. Each later one tells of every branch that points
elsewhere, in the transaction that remembers it, so that nothing is passed over; what a webhook
has told already is not built twice.
"""

from collections.abc import Mapping
from datetime import timedelta

import structlog

from quaymaster.actions.builds.definitions import build_sources
from quaymaster.actions.call import Call
from quaymaster.actions.decisions.follow_up import PUSH
from quaymaster.actions.storage.turns import alone
from quaymaster.actions.triggers.build_triggering import Wanted, opened
from quaymaster.domain.errors import DomainError
from quaymaster.domain.filters import HEADS
from quaymaster.domain.pushes import Push, repository_key
from quaymaster.plans.build_triggers import repository_keys
from quaymaster.store.postgres.database import DatabaseUnavailable
from quaymaster.store.postgres.queue import Wakeup, enqueue
from quaymaster.store.storage.vault import VaultError
from quaymaster.store.triggers import build_triggers, pushes
from quaymaster.store.triggers.build_triggers import Triggered

LOOK_EVERY = timedelta(seconds=10)  # at repositories on this machine
ASK_EVERY = timedelta(minutes=3)  # of other servers
SHORTEST = timedelta(seconds=30)

_log = structlog.get_logger(__name__)


async def look(call: Call) -> int:
    """Look at the repositories that are due; how many pushes were found."""
    async with call.database.read() as connection:
        found = await build_triggers.to_look_at(connection, call.now)
    return sum([await _looked_alone(call, one) for one in found])


async def _looked_alone(call: Call, one: Triggered) -> int:
    name = f"repository of build pipeline {one.definition_id}"
    return await alone(call, name, lambda: _looked(call, one)) or 0


async def _looked(call: Call, one: Triggered) -> int:
    """What goes wrong with one definition holds up no other; it is looked at again later."""
    wanted = None
    try:
        wanted = await opened(call, one)
        if wanted is None:
            return 0
        plan = wanted.definition.plan.repository
        sources = await build_sources.opened(wanted.call, wanted.definition.project_id, plan)
        heads = _branches(await build_sources.heads(wanted.call, sources))
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - such as secrets that cannot be opened
        every = _every(wanted) if wanted else ASK_EVERY
        is_ours = not isinstance(error, DomainError | VaultError)
        about = {"definition": one.definition_id, "reason": str(error), "exc_info": is_ours}
        _log.info("a repository cannot be looked at", **about)
        async with call.database.transaction() as connection:
            await build_triggers.looked(connection, one.definition_id, None, call.now + every * 4)
        return 0
    return await _tell(call, wanted, one, heads)


async def _tell(call: Call, wanted: Wanted, one: Triggered, heads: Mapping[str, str]) -> int:
    new = _new(wanted, one.seen, heads)
    async with call.database.transaction() as connection:
        numbers = await pushes.tell(connection, one.project_id, new, call.now)
        await enqueue(connection, [Wakeup(PUSH, {"id": number}) for number in numbers])
        again_at = call.now + _every(wanted)
        await build_triggers.looked(connection, one.definition_id, heads, again_at)
    return len(new)


def _branches(heads: Mapping[str, str]) -> dict[str, str]:
    return {name: commit for name, commit in heads.items() if name.startswith(HEADS)}


def _new(wanted: Wanted, seen: Mapping[str, str] | None, heads: Mapping[str, str]) -> list[Push]:
    if seen is None:
        return []
    keys = tuple(repository_keys(wanted.definition.plan.repository))
    return [
        Push(keys, ref=ref, commit=commit, before=seen.get(ref, ""))
        for ref, commit in heads.items()
        if seen.get(ref) != commit
    ]


def _every(wanted: Wanted) -> timedelta:
    """As often as the trigger says, within reason; a repository on this machine costs little."""
    trigger = wanted.triggers.push
    asked = timedelta(seconds=trigger.polling_seconds if trigger else 0)
    if repository_key(wanted.definition.plan.repository.url).startswith("/"):
        return LOOK_EVERY
    return max(asked, SHORTEST) if asked else ASK_EVERY
