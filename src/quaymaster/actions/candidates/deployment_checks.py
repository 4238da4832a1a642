"""What is asked of the repository before a candidate is deployed (AVIATOR 1, 3).

The repository is asked before the transaction of the deployment opens; in it is looked whether what
the answers were about still stands. Whoever lets somebody start a deployment does it in `under`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import deciding
from quaymaster.actions.ports.outside import CodeRepository, Commit, Repositories
from quaymaster.actions.repositories import changelogs, pull_requests, repositories
from quaymaster.actions.repositories.repositories import Scene
from quaymaster.domain.access import Permission
from quaymaster.domain.errors import Conflict, Invalid, NotFound, Refused
from quaymaster.domain.record import Entry
from quaymaster.domain.release import ReleaseId, StageId
from quaymaster.domain.release_versions import version_of
from quaymaster.domain.statuses import ReportedStatus
from quaymaster.store.candidates import cherry_picks as picks
from quaymaster.store.candidates import pull_requests as pull_rows
from quaymaster.store.candidates import repository_views
from quaymaster.store.postgres.database import Connection
from quaymaster.store.releases import history
from quaymaster.store.triggers import cut_schedules

REQUIRED = "require_verification"  # a key of an environment's settings
LABEL, VERIFIED_LABEL = "verification_label", "verified_label"  # keys of a definition's settings
UNVERIFIED, PICKING, NOT_READY = "unverified", "cherry-pick", "not ready"
READY = (None, ReportedStatus.SUCCEEDED)
NOT_BUILT = "The release is not built yet."
PICK_OPEN = "A cherry-pick of this release has not ended."
LACKING = "lacks cherry-picked commit"
MOST_LOOKS = 3

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Basis:
    """What the answers are about: they count only as long as none of it changes."""

    running: int | None = None
    guards: tuple[int, ...] = ()
    required: bool = False
    is_picked: bool = False  # a cherry-pick of the release has not ended
    is_built: bool = True  # or nobody builds it


@dataclass(frozen=True, slots=True)
class Checks:
    """Pull requests that nobody vouches for, and picked commits that the candidate has not.

    `problem` says why the repository could not be asked about what was required.
    """

    basis: Basis = field(default_factory=Basis)
    unverified: tuple[int, ...] = ()
    lacking: tuple[str, ...] = ()
    problem: str = ""

    def check(self, *, bypasses: bool = False) -> None:
        """Raise Refused for what does not let the candidate be deployed."""
        if not self.basis.is_built:
            raise Refused(NOT_BUILT, NOT_READY)
        if (said := self.unmet_verification) and not bypasses:
            raise Refused(said, UNVERIFIED)
        if self.lacking:
            raise Refused(f"Release candidate {LACKING} {self.lacking[0][:7]}")
        if said := self.unknown_picks:
            raise Refused(said)
        if self.basis.is_picked:
            raise Refused(PICK_OPEN, PICKING)

    @property
    def unmet(self) -> tuple[str, ...]:
        """Everything that `check` would refuse, in its order."""
        found = ["" if self.basis.is_built else NOT_BUILT, self.unmet_verification]
        if self.lacking:
            found.append(f"The release {LACKING} {self.lacking[0][:7]}.")
        found.append(self.unknown_picks)
        if self.basis.is_picked:
            found.append(PICK_OPEN)
        return tuple(text for text in found if text)

    @property
    def unknown_picks(self) -> str:
        """Why nobody can tell whether it has what was picked; "" when that is known."""
        if not self.basis.guards or not self.problem:
            return ""
        return f"Nobody can tell whether the release has what was cherry-picked: {self.problem}"

    @property
    def unmet_verification(self) -> str:
        """Why the environment's demand for verified pull requests is not met; "" when it is."""
        if not self.basis.required or not (self.unverified or self.problem):
            return ""
        listed = ", ".join(f"#{number}" for number in self.unverified)
        why = self.problem or f"nobody has verified {listed}."
        return f"Only verified pull requests are deployed here: {why}"


async def under(
    found: Scene,
    version: str,
    act: Callable[[Connection, Checks], Awaitable[T]],
) -> T:
    """What `act` gives, done in the transaction in which these checks of the version stand.

    `act` asks them. Nothing is asked of the repository where nothing is required. Raises what
    `asked` and `act` raise, Conflict when what the checks are about does not come to rest.
    """
    checks = Checks()
    for _ in range(MOST_LOOKS):
        async with deciding(found.call) as connection:
            if await basis(connection, found, version) == checks.basis:
                return await act(connection, checks)
        checks = await asked(found.call, found, version)
    raise Conflict(f"{found.environment.name} changes too often to be deployed to now.")


def require_bypass(found: Scene, why: str) -> bool:
    """Whether there is a reason to go without verification; Forbidden (bypass verification)."""
    if not why.strip():
        return False
    found.require(Permission.BYPASS_VERIFICATION)
    return True


async def asked(call: Call, found: Scene, version: str) -> Checks:
    """What has to be known before this version is deployed to the environment.

    Raises NotFound for a version that there is not. Asks nobody where nothing is required.
    """
    async with call.database.read() as connection:
        known = await repositories.candidate(connection, found, version)
        about = await basis(connection, found, version)
        if not about.required and not about.guards:
            return Checks(about)
        numbers = [known.release, *([about.running] if about.running else [])]
        lines = await repository_views.candidates(connection, numbers)
        first = await cut_schedules.first_commit(connection, found.definition.definition_id)
    commit = lines[known.release].commit
    running = lines[about.running].commit if about.running else ""
    try:
        outside, source = await changelogs.connected(call, found)
        commit = await changelogs.known_commit(outside, source, commit)
        missing = await lacking(found, outside, source, commit)
        unverified: tuple[int, ...] = ()
        if about.required:
            unverified = await _unverified(
                found, await _brought(found, outside, source, (running, first), commit)
            )
    except (Invalid, NotFound) as error:
        return Checks(about, problem=f"The repository cannot be asked: {error}")
    return Checks(about, unverified, missing)


async def basis(connection: Connection, found: Scene, version: str) -> Basis:
    """What the checks of this version are about, as it stands now."""
    definition, environment = found.definition.definition_id, found.environment
    required = bool(environment.settings.get(REQUIRED))
    running = await repository_views.running(connection, [environment.id]) if required else {}
    guards = await picks.guards(connection, definition)
    is_built = True
    if found.definition.settings.get(repositories.BUILD_METHOD):
        is_built = (await repositories.candidate(connection, found, version)).build in READY
    return Basis(
        running.get(environment.id),
        tuple(guard.id for guard in guards),
        required,
        await picks.is_open(connection, definition, version_of(version)),
        is_built,
    )


async def lacking(
    found: Scene, outside: Repositories, source: CodeRepository, commit: str
) -> tuple[str, ...]:
    """The picked commits that a commit has neither itself nor as a pick."""
    async with found.call.database.read() as connection:
        guards = await picks.guards(connection, found.definition.definition_id)
    if not guards:
        return ()
    wanted = [name for guard in guards for name in guard.commits]
    there = await outside.contained(source, commit, wanted)
    missing = [guard for guard in guards if not there.issuperset(guard.commits)]
    # A resolution bears no mark of what was picked. The rest is spared looking for all that was
    # ever made of it: what is not there is sought for longest.
    results = [name for guard in missing for name in guard.results]
    if results:
        made = await outside.contained(source, commit, results)
        missing = [guard for guard in missing if not made & set(guard.results)]
    return tuple(name for guard in missing for name in guard.commits if name not in there)


async def check_picks(found: Scene, commit: str) -> None:
    """Raise Refused for a commit to be cut that lacks what was picked (AVIATOR 1)."""
    async with found.call.database.read() as connection:
        if not await picks.guards(connection, found.definition.definition_id):
            return
    outside, source = await changelogs.connected(found.call, found)
    Checks(lacking=await lacking(found, outside, source, commit)).check()


async def keep_bypass(
    connection: Connection, call: Call, release: ReleaseId, stage: StageId, checks: Checks, why: str
) -> None:
    """Say in the release's history who deployed it unverified, and why."""
    if not checks.basis.required:
        return
    listed = {"pull_requests": " ".join(f"#{number}" for number in checks.unverified)}
    entry = Entry("VerificationBypassed", call.by, stage, comment=why, details=listed)
    await history.append(connection, release, call.now, [entry])


async def _brought(
    found: Scene,
    outside: Repositories,
    source: CodeRepository,
    since: tuple[str, str],
    commit: str,
) -> list[Commit]:
    """The commits that a candidate brings to an environment, since what runs there or, where
    nothing ran yet, from the first candidate on. Raises Invalid when not all can be looked at."""
    running, first = since
    older = await changelogs.known_commit(outside, source, running or first)
    brought = await changelogs.all_touching(found, outside, source, older, commit)
    if not running:
        brought += await changelogs.touching(found, outside, source, "", older)
    return brought


async def _unverified(found: Scene, brought: Sequence[Commit]) -> tuple[int, ...]:
    """The pull requests of these commits that need somebody to vouch for them, and have nobody."""
    settings = found.definition.settings
    known = await pull_requests.of_commits(found, brought)
    needed = [one.number for one in known if _is_needed(settings, one.repositories, one.labels)]
    async with found.call.database.read() as connection:
        done = await pull_rows.verified(connection, found.definition.definition_id, needed)
    return tuple(number for number in needed if number not in done)


def _is_needed(
    settings: Mapping[str, Any], told_by: tuple[str, ...], labels: tuple[str, ...]
) -> bool:
    """Whether a pull request has to be verified. One whose labels nobody told of has to."""
    if (done := settings.get(VERIFIED_LABEL)) and done in labels:
        return False
    wanted = settings.get(LABEL)
    return not wanted or not told_by or wanted in labels
