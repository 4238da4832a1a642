"""People with different rights in one project, and calls in their name."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from quaymaster.actions.call import Call, Installation
from quaymaster.actions.decisions.orchestrate import admit
from quaymaster.actions.definitions import definitions
from quaymaster.actions.people import people, projects
from quaymaster.actions.releases import reading, releases
from quaymaster.actions.releases.releases import ReleaseRequest
from quaymaster.domain.access import Grant, Permission
from quaymaster.domain.release import ReleaseId
from quaymaster.store.definitions.definitions import Definition
from quaymaster.store.deployments import queueing
from quaymaster.store.people import people as rows
from tests import documents

PROJECT = "Default"


@dataclass(slots=True)
class Office:
    """`ids` and `tokens` are keyed by name; everybody was made by `hire`."""

    installation: Installation
    ids: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    async def hire(self, name: str, group: str | None = None) -> str:
        """A person, in a group of the project if one is named; their id."""
        database = self.installation.database
        self.ids[name] = await people.create_user(database, name, name.capitalize())
        if group:
            await people.add_to_group(database, group, name, PROJECT)
        made = await people.create_token(database, name, "work", now=datetime.now(UTC))
        self.tokens[name] = made.text
        return self.ids[name]

    async def call(self, name: str, project: str = PROJECT) -> Call:
        """A call by this person, with the rights they have at this moment."""
        now = datetime.now(UTC)
        caller = await people.sign_in(self.installation.database, self.tokens[name], now)
        assert caller, f"{name} cannot sign in"
        found = await projects.find(self.installation.database, caller, "default", project)
        return Call(self.installation, caller, found, now)

    async def grant(self, name: str, token: str, *, deny: Permission) -> None:
        """Take a permission away at one place."""
        async with self.installation.database.transaction() as connection:
            await rows.grant(connection, self.ids[name], Grant(token, deny=deny))

    async def define(self, by: str, outline: str = "Dev", **changes: Any) -> Definition:
        """A definition saved by this person."""
        name = changes.pop("name", "Web shop")
        document = {**documents.outlined(outline, **changes), "name": name}
        return await definitions.create(await self.call(by), document)

    async def release(self, by: str, definition: Definition, **changes: Any) -> ReleaseId:
        """A release made by this person, let into its environments as a worker would."""
        request = ReleaseRequest(definition.id, **changes)
        made = await releases.create(await self.call(by), request)
        await self.settle()
        return made

    async def settle(self) -> None:
        """Let every environment admit who waits for it, which is otherwise a worker's doing."""
        async with self.installation.database.read() as connection:
            waiting = await queueing.with_standings(connection)
        for environment in waiting:
            await admit(Call(self.installation), environment)

    async def seen(self, by: str, release: ReleaseId) -> reading.ReleaseFound:
        """The release as this person sees it once everything that waits was let in."""
        await self.settle()
        return await reading.release(await self.call(by), release)

    async def spoil(self, definition: int) -> None:
        """Have secrets of a definition that nobody can open, as after a loss of the key."""
        async with self.installation.database.transaction() as connection:
            await connection.execute(
                "UPDATE definitions SET secrets = 'x'::bytea WHERE id = $1", definition
            )

    async def rows(self, table: str) -> int:
        """How many rows a table has: what a refused request must not change."""
        await self.settle()
        async with self.installation.database.read() as connection:
            return await connection.fetchval(f"SELECT count(*) FROM {table}")
