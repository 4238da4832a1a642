"""Taking one sample of gates: all are asked at the same time, outside of any transaction (10.2)."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from quaymaster.actions import connections
from quaymaster.actions.call import Call
from quaymaster.actions.orchestrate import happen
from quaymaster.actions.ports import ServerTask, ServerTaskEnd, ServerTasks
from quaymaster.domain.errors import NotFound
from quaymaster.domain.events import GateSampled
from quaymaster.domain.gate_run import enabled_gates
from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.predefined import JobContext, predefined
from quaymaster.domain.release import Deployment, GateResult, GateRun, Release, Stage
from quaymaster.domain.status import gate_policy, stage_status
from quaymaster.domain.variables import Scopes, Variable, VariableSet, effective
from quaymaster.plans.connections import no_inputs, words_in
from quaymaster.plans.endpoints import endpoint
from quaymaster.protocol.job import Endpoint
from quaymaster.store import job_facts, places, releases
from quaymaster.store.job_facts import JobFacts
from quaymaster.store.logs import LogFiles, StorageUnavailable
from quaymaster.store.release_secrets import Secrets
from quaymaster.store.vault import VaultError

USUAL_SECONDS = 60.0  # for a gate whose definition sets no time limit


@dataclass(frozen=True, slots=True)
class _Open:
    """An open sample with everything above it."""

    release: Release
    stage: Stage
    deployment: Deployment
    run: GateRun
    facts: JobFacts = field(repr=False)


async def ask(call: Call, gate_run: int) -> bool:
    """Ask all gates of the open sample and let the release hear what they said.

    False when there is no open sample: somebody else was first, or it was given up. Raises
    DatabaseUnavailable; whatever a gate does ends as its answer.
    """
    found = await _open_sample(call, gate_run)
    tasks = call.installation.outside.server_tasks
    if found is None or found.run.open_sample is None or tasks is None:
        return False
    results = await _results(call, found, tasks)
    number = found.run.open_sample.number
    event = GateSampled(found.stage.id, found.deployment.attempt, found.run.side, number, results)
    await happen(replace(call, now=datetime.now(UTC)), found.release.id, event)
    return True


async def _open_sample(call: Call, gate_run: int) -> _Open | None:
    async with call.database.read() as connection:
        place = await places.of_gate_run(connection, None, gate_run)
        release = await releases.load(connection, place.release_id) if place else None
        for stage in release.stages if release else ():
            for run in stage.active.gates if stage.active else ():
                if release and stage.active and run.id == gate_run and run.open_sample:
                    facts = await job_facts.of_deployment(
                        connection, release.id, stage.id, stage.active.id
                    )
                    return _Open(release, stage, stage.active, run, facts) if facts else None
    return None


async def _results(call: Call, found: _Open, tasks: ServerTasks) -> tuple[GateResult, ...]:
    gates = enabled_gates(gate_policy(found.stage, found.run.side))
    try:
        secrets = job_facts.opened(call.vault, found.facts.secrets)
        variables = _variables(call.installation.url, found, secrets)
        endpoints = await _connections(call, found, gates.values(), variables)
    except VaultError as error:
        return tuple(GateResult(name, False, str(error)) for name in gates)

    async def one(rank: int, name: str, task: TaskPlan) -> GateResult:
        end = await _end(tasks, name, task, variables, endpoints)
        log = await _kept(call.installation.files, found.run, rank, end)
        return GateResult(name, end.succeeded, end.message, log)

    asked = (one(rank, name, task) for rank, (name, task) in enumerate(gates.items(), 1))
    return tuple(await asyncio.gather(*asked))


async def _connections(
    call: Call, found: _Open, gates: Iterable[TaskPlan], variables: VariableSet
) -> tuple[Endpoint, ...]:
    """The service connections that the gates name, opened. Raises VaultError."""
    words = words_in(gates, variables, no_inputs)
    if not words:
        return ()
    async with call.database.read() as connection:
        project = UUID(found.facts.project_id)
        known = await connections.resolve(connection, call.vault, project, words)
    return tuple({each.id: endpoint(each) for each in known.values()}.values())


async def _end(
    tasks: ServerTasks,
    name: str,
    task: TaskPlan,
    variables: VariableSet,
    endpoints: tuple[Endpoint, ...],
) -> ServerTaskEnd:
    seconds = task.timeout.total_seconds() or USUAL_SECONDS
    try:
        async with asyncio.timeout(seconds):
            return await tasks.run(
                ServerTask(task.task_id, task.version, name, task.inputs, variables, endpoints)
            )
    except TimeoutError:
        text = f"The gate did not answer within {seconds:g} seconds."
        return ServerTaskEnd(False, text, (text,))


# ---- evidence -------------------------------------------------------------------------------


async def _kept(files: LogFiles, run: GateRun, rank: int, end: ServerTaskEnd) -> str:
    """Where the evidence is kept; empty when the storage is away, which is no fault of the gate."""
    number = run.open_sample.number if run.open_sample else 0
    key = f"gates/{run.id // 10_000}/{run.id}/{number:06}-{rank}"
    body = "".join(f"{line}\n" for line in end.evidence).encode("utf-8", "replace")
    try:
        await files.put(key, body)
    except StorageUnavailable:
        return ""
    return key


async def evidence(files: LogFiles, run: GateRun, number: int, rank: int) -> bytes:
    """What was asked and answered by the gate at this place (from 1) in a sample.

    Raises NotFound; StorageUnavailable when the storage does not answer.
    """
    sample = next((sample for sample in run.samples if sample.number == number), None)
    if sample is None or not 1 <= rank <= len(sample.results):
        raise NotFound("gate log", f"{number}/{rank}")
    key = sample.results[rank - 1].log
    return await files.get(key) if key else b""


# ---- variables ------------------------------------------------------------------------------


def _variables(url: str, found: _Open, secrets: Secrets) -> VariableSet:
    system = [Variable(name, value) for name, value in predefined(_context(url, found)).items()]
    return effective(
        Scopes(
            release=_scope(found.release.variables, secrets.release),
            stage=_scope(found.stage.variables, secrets.stage),
            overrides=_scope(found.deployment.variables, secrets.deployment),
            system=system,
        )
    )


def _scope(plain: Mapping[str, str], secret: Mapping[str, str]) -> list[Variable]:
    return [
        *(Variable(name, value) for name, value in plain.items()),
        *(Variable(name, value, is_secret=True) for name, value in secret.items()),
    ]


def _context(url: str, found: _Open) -> JobContext:
    release, stage, deployment, facts = found.release, found.stage, found.deployment, found.facts
    collection = f"{url}/{facts.organization_name}"
    return JobContext(
        collection_url=collection,
        collection_id=facts.organization_id,
        project_id=facts.project_id,
        project_name=facts.project_name,
        definition_id=facts.definition_id,
        definition_name=facts.definition_name,
        release_id=release.id,
        release_name=release.name,
        release_description=release.description,
        release_reason=release.reason,
        release_web_url=f"{collection}/{facts.project_name}/_release?releaseId={release.id}",
        stage_id=stage.id,
        stage_name=stage.name,
        definition_stage_id=stage.plan.definition_stage_id,
        attempt=deployment.attempt,
        deployment_id=deployment.id,
        phase_id=0,
        phase_name="Gates",
        job_id=str(uuid5(NAMESPACE_URL, f"{collection}/gates/{found.run.id}/job")),
        plan_id=str(uuid5(NAMESPACE_URL, f"quaymaster:gates:{found.run.id}")),
        release_requester=facts.release_requester,
        deployment_requester=facts.deployment_requester,
        skips_artifacts=True,
        triggering_alias=facts.triggering_alias,
        stage_statuses={other.name: stage_status(other) for other in release.stages},
        artifacts=facts.artifacts,
    )
