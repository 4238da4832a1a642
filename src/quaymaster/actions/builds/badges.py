"""What badges of build definitions show: how their last builds ended (SEMANTICS 24.1)."""

from dataclasses import dataclass

import msgspec

from quaymaster.actions.builds.definitions import build_definitions
from quaymaster.actions.builds.reading import definition_named
from quaymaster.actions.call import Call, Installation
from quaymaster.domain.build_parts import Part, result_of_part
from quaymaster.domain.errors import NotFound
from quaymaster.domain.numbers import digits
from quaymaster.domain.statuses import JobStatus
from quaymaster.store.builds import builds, lists
from quaymaster.store.builds.builds import branch_reference
from quaymaster.store.definitions import build_definitions as stored
from quaymaster.store.people import project_settings
from quaymaster.store.postgres.database import Connection


@dataclass(frozen=True, slots=True)
class Badge:
    """A definition's name and how its last build, or a part of it, ended; "" when none has."""

    name: str
    result: str


async def public(installation: Installation, project: str, definition: str, branch: str) -> Badge:
    """What a badge of a definition shows to anybody, where its badge is enabled.

    Raises NotFound("badge") for everything else.
    """
    call = Call(installation)
    number = digits(definition, 9)
    if number is None:
        raise NotFound("badge", definition[:80])
    async with call.database.read() as connection:
        found = await stored.get(connection, call.vault, None, number)
        if found is None or found.is_deleted:
            raise NotFound("badge", definition)
        is_meant = project.casefold() in (str(found.project_id), found.project_name.casefold())
        document = msgspec.json.decode(found.document)
        if not is_meant or document.get("badgeEnabled") is not True:
            raise NotFound("badge", definition)
        rules = await project_settings.pipeline_rules(connection, found.project_id)
        if rules.badges_are_private:
            raise NotFound("badge", definition)
        last = await lists.last_result(connection, found.id, branch_reference(branch))
    return Badge(found.name, last.result if last else "")


async def status(call: Call, definition: str, branch: str, part: Part) -> Badge:
    """The same for those who may view the definition, by its id or name; also of a part of a build.

    Without a branch it is the default branch, or any where the definition has none (CONTRACT B.1).
    Raises NotFound for a part that the build does not have.
    """
    async with call.database.read() as connection:
        number = await definition_named(connection, call, definition)
        found = await build_definitions.found(connection, call, number)
        wanted = branch_reference(branch or found.plan.repository.default_branch)
        last = await lists.last_result(connection, number, wanted)
        if last is None or part.is_whole:
            return Badge(found.name, last.result if last else "")
        return Badge(found.name, await _of_part(connection, last.id, part))


async def _of_part(connection: Connection, build_id: int, part: Part) -> str:
    build = await builds.load(connection, build_id)
    result = result_of_part(build, part) if build else None
    return "partiallySucceeded" if result is JobStatus.WITH_ISSUES else str(result or "")
