"""What one request looks up, gathered so that each kind of thing is asked for once a level."""

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Generic, TypeVar

from aiodataloader import DataLoader

from quaymaster.actions.call import Call
from quaymaster.actions.repositories import views
from quaymaster.domain.freezes import Hold, Standstill
from quaymaster.store.candidates.pull_requests import CandidatePullRequest
from quaymaster.store.candidates.repositories import RepositoryDefinition, RepositoryEnvironment
from quaymaster.store.candidates.repository_views import CandidateLine, VersionLine
from quaymaster.store.deployments.environment_deployments import EnvironmentDeployment

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Page = tuple[int, int | None]  # how many, and the id before which they begin


class Gathered(Generic[K, V]):
    """Answers single questions by asking for all of the same moment at once."""

    def __init__(self, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        async def answers(keys: list[K]) -> list[V | None]:
            found = await ask(keys)
            return [found.get(key) for key in keys]

        self._loader: DataLoader[K, V | None] = DataLoader(answers)

    async def get(self, key: K) -> V | None:
        return await self._loader.load(key)


class Loaders:
    """One for each request: it remembers what it has looked up, and nothing longer than that."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.definitions: dict[int, RepositoryDefinition] = {}
        self.changelogs = 0  # each asks a repository
        self.environments: Gathered[int, list[RepositoryEnvironment]] = Gathered(
            partial(views.environments, call)
        )
        self.candidates: Gathered[int, CandidateLine] = Gathered(partial(views.candidates, call))
        self.candidates_of: Gathered[tuple[int, str], list[CandidateLine]] = Gathered(
            partial(views.candidates_of, call)
        )
        self.deployments_of: Gathered[int, list[EnvironmentDeployment]] = Gathered(
            partial(views.deployments_of, call)
        )
        self.pull_requests: Gathered[int, list[CandidatePullRequest]] = Gathered(
            partial(views.pull_requests, call)
        )
        self.running: Gathered[int, int] = Gathered(partial(views.running, call))
        self.rollback_targets: Gathered[int, int] = Gathered(partial(views.rollback_targets, call))
        self.standstills: Gathered[int, tuple[Standstill, ...]] = Gathered(self._standstills)
        self.holds: Gathered[int, Hold] = Gathered(partial(views.holds, call))
        self._versions: dict[Page, Gathered[int, list[VersionLine]]] = {}
        self._deployments: dict[Page, Gathered[int, list[EnvironmentDeployment]]] = {}

    async def versions(self, definition: int, page: Page) -> list[VersionLine]:
        """One page of a definition's versions."""
        if page not in self._versions:
            self._versions[page] = Gathered(
                partial(_of_page, partial(views.versions, self.call), page)
            )
        return await self._versions[page].get(definition) or []

    async def deployments(self, environment: int, page: Page) -> list[EnvironmentDeployment]:
        """One page of an environment's deployments."""
        if page not in self._deployments:
            self._deployments[page] = Gathered(
                partial(_of_page, partial(views.deployment_pages, self.call), page)
            )
        return await self._deployments[page].get(environment) or []

    async def environment(self, definition: int, number: int) -> RepositoryEnvironment | None:
        """One environment of a definition by its id."""
        known = await self.environments.get(definition) or []
        return next((one for one in known if one.id == number), None)

    async def _standstills(self, of: Sequence[int]) -> Mapping[int, tuple[Standstill, ...]]:
        return await views.standstills(self.call, of, self.call.now)


async def _of_page(
    ask: Callable[[Sequence[int], int, int | None], Awaitable[Mapping[int, list[V]]]],
    page: Page,
    keys: Sequence[int],
) -> Mapping[int, list[V]]:
    return await ask(keys, *page)
