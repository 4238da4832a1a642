"""Taking one sample of gates: all are asked at the same time, outside of any transaction (10.2)."""

import asyncio
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from quaymaster.actions.call import Call
from quaymaster.actions.decisions.orchestrate import happen
from quaymaster.actions.deployments.gates import answers as gate_answers
from quaymaster.actions.people import call_back_tokens
from quaymaster.actions.ports.outside import ServerTask, ServerTaskEnd, ServerTasks
from quaymaster.actions.resources import connections
from quaymaster.actions.resources.connections import DefinitionPlace
from quaymaster.actions.storage.turns import alone
from quaymaster.domain import attempt_variables
from quaymaster.domain.errors import NotFound
from quaymaster.domain.events import GateSampled
from quaymaster.domain.gate_run import enabled_gates, sample_given_up_at
from quaymaster.domain.plan import TaskPlan
from quaymaster.domain.predefined import JobContext, predefined
from quaymaster.domain.release import Deployment, GateResult, GateRun, Release, Stage
from quaymaster.domain.status import gate_policy
from quaymaster.domain.variables import Scopes, Variable, VariableSet, effective, plain_and_secret
from quaymaster.plans.connections import words_in, words_written
from quaymaster.plans.endpoints import endpoint
from quaymaster.protocol.job import Endpoint
from quaymaster.store.deployments import job_facts, places
from quaymaster.store.deployments.job_facts import JobFacts
from quaymaster.store.jobs import call_backs
from quaymaster.store.jobs.call_backs import GatePlace, Names
from quaymaster.store.releases import releases
from quaymaster.store.releases.release_secrets import Secrets
from quaymaster.store.storage.object_storage import ObjectStorage, StorageUnavailable
from quaymaster.store.storage.vault import VaultError

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

    False when there is no open sample: somebody else was first or is at it, or it was given up.
    Gates that were asked before, by a worker that is gone, are not asked again. Raises
    DatabaseUnavailable; whatever a gate does ends as its answer.
    """
    found = await _open_sample(call, gate_run)
    if found is None or found.run.open_sample is None:
        return False
    sample = f"sample {found.run.open_sample.number} of gates {gate_run}"
    return bool(await alone(call, sample, lambda: _ask(call, gate_run)))


async def _ask(call: Call, gate_run: int) -> bool:
    found = await _open_sample(call, gate_run)
    tasks = call.installation.outside.server_tasks
    if found is None or found.run.open_sample is None or tasks is None:
        return False
    gates = enabled_gates(gate_policy(found.stage, found.run.side))
    answers = await _answers(call, found, tasks, gates)
    call = replace(call, now=datetime.now(UTC))
    number = found.run.open_sample.number
    installed = call.installation.outside.tasks
    if any(call_back_tokens.task_may_wait(task, installed) for task in gates.values()):
        place = _place(found, number, 0)
        await gate_answers.keep(call, place, _names(found, 0), answers, _until(found))
        return True
    results = tuple(answers[rank] for rank in sorted(answers))
    event = GateSampled(found.stage.id, found.deployment.attempt, found.run.side, number, results)
    await happen(call, found.release.id, event)
    return True


async def _open_sample(call: Call, gate_run: int) -> _Open | None:
    async with call.database.read() as connection:
        place = await places.of_gate_run(connection, None, gate_run)
        release = await releases.load(connection, place.release_id) if place else None
        found = gate_answers.open_run(release, gate_run) if release else None
        if release is None or found is None:
            return None
        stage, deployment, run = found
        facts = await job_facts.of_deployment(
            connection, release.id, stage.id, deployment.id, call.installation.url
        )
        return _Open(release, stage, deployment, run, facts) if facts else None


async def given(call: Call, gate_run: int) -> tuple[Secrets, tuple[Endpoint, ...]]:
    """What the gates of the open sample were given that must be masked. Raises VaultError."""
    found = await _open_sample(call, gate_run)
    if found is None:
        return Secrets(), ()
    secrets = job_facts.opened(call.vault, found.facts.secrets)
    gates = enabled_gates(gate_policy(found.stage, found.run.side))
    variables = _variables(found, secrets)
    return secrets, await _connections(call, found, gates.values(), variables)


async def _answers(
    call: Call, found: _Open, tasks: ServerTasks, gates: Mapping[str, TaskPlan]
) -> dict[int, GateResult]:
    """What the gates say, by rank; those that report later, or were asked before, are missing."""
    number = found.run.open_sample.number if found.run.open_sample else 0
    async with call.database.read() as connection:
        known = await call_backs.of_sample(connection, found.run.id, number)
    open_gates = {
        rank: (name, task)
        for rank, (name, task) in enumerate(gates.items(), 1)
        if rank not in known or not (known[rank].asked_at or known[rank].answered_at)
    }
    try:
        secrets = job_facts.opened(call.vault, found.facts.secrets)
        variables = _variables(found, secrets)
        endpoints = await _connections(call, found, gates.values(), variables)
    except VaultError as error:
        return {rank: GateResult(name, False, str(error)) for rank, (name, _) in open_gates.items()}

    async def one(rank: int, name: str, task: TaskPlan) -> GateResult | None:
        own = await _own_variables(call, found, rank, task, variables)
        end = await _end(tasks, name, task, own, endpoints)
        log = gate_answers.evidence_key(found.run.id, number, rank)
        if end.is_waiting:
            await _asked(call, found, rank, end)
            return None
        is_kept = await _kept(call.installation.files, log, "".join(_lines(end)))
        return GateResult(name, end.succeeded, end.message, log if is_kept else "")

    asked = (one(rank, name, task) for rank, (name, task) in open_gates.items())
    said = zip(open_gates, await asyncio.gather(*asked), strict=True)
    return {rank: result for rank, result in said if result}


# ---- gates that report later ----------------------------------------------------------------


async def _own_variables(
    call: Call, found: _Open, rank: int, task: TaskPlan, variables: VariableSet
) -> VariableSet:
    """The variables with the ids of one gate, and the token with which it is reported on."""
    names = _names(found, rank)
    own = variables.copy()
    own.put(Variable("System.TaskInstanceId", str(names.task_instance), is_read_only=True))
    if call_back_tokens.task_may_wait(task, call.installation.outside.tasks):
        number = found.run.open_sample.number if found.run.open_sample else 0
        place = _place(found, number, rank)
        async with call.database.transaction() as connection:
            for token in await call_back_tokens.for_gate(connection, place, names, _until(found)):
                own.put(Variable(token.name, token.value, is_secret=True, is_read_only=True))
    return own


async def _asked(call: Call, found: _Open, rank: int, end: ServerTaskEnd) -> None:
    """The service has taken the request: what was said is the beginning of the evidence."""
    number = found.run.open_sample.number if found.run.open_sample else 0
    said = "".join(_lines(end))
    async with call.database.transaction() as connection:
        known = await call_backs.of_sample(connection, found.run.id, number)
        await call_backs.asked(connection, known[rank].id, said, datetime.now(UTC))
        whole = (await call_backs.of_sample(connection, found.run.id, number))[rank].evidence
    key = gate_answers.evidence_key(found.run.id, number, rank)
    await _kept(call.installation.files, key, whole)


def _place(found: _Open, number: int, rank: int) -> GatePlace:
    project = UUID(found.facts.circumstances.project_id)
    return GatePlace(found.release.id, project, found.run.id, number, rank)


def _names(found: _Open, rank: int) -> Names:
    context = _context(found)
    number = found.run.open_sample.number if found.run.open_sample else 0
    plan = UUID(context.plan_id)
    return Names(plan, UUID(context.job_id), gate_answers.instance(plan, number, rank))


def _until(found: _Open) -> datetime:
    """When the sample is given up, and every token of it ends."""
    return sample_given_up_at(gate_policy(found.stage, found.run.side), found.run)


# ---- asking one gate ------------------------------------------------------------------------


async def _connections(
    call: Call, found: _Open, gates: Collection[TaskPlan], variables: VariableSet
) -> tuple[Endpoint, ...]:
    """The service connections that the gates name, opened. Raises VaultError."""
    inputs_of = call.installation.outside.connection_inputs
    words = words_in(gates, variables, inputs_of)
    if not words:
        return ()
    async with call.database.read() as connection:
        project = UUID(found.facts.circumstances.project_id)
        place = DefinitionPlace(found.facts.circumstances.definition_id, project)
        written = words_written(found.release.plan, gates, inputs_of)
        known = await connections.resolve_for(connection, call.vault, place, words, written)
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
                ServerTask(
                    task.task_id,
                    task.version,
                    name,
                    task.inputs,
                    variables,
                    endpoints,
                    task.retry_count,
                )
            )
    except TimeoutError:
        text = f"The gate did not answer within {seconds:g} seconds."
        return ServerTaskEnd(False, text, (text,))


# ---- evidence -------------------------------------------------------------------------------


def _lines(end: ServerTaskEnd) -> Iterator[str]:
    return (f"{line}\n" for line in end.evidence)


async def _kept(files: ObjectStorage, key: str, text: str) -> bool:
    """Keep the evidence; False when the storage is away, which is no fault of the gate."""
    try:
        await files.put(key, text.encode("utf-8", "replace"))
    except StorageUnavailable:
        return False
    return True


async def evidence(files: ObjectStorage, run: GateRun, number: int, rank: int) -> bytes:
    """What was asked and answered by the gate at this place (from 1) in a sample.

    Raises NotFound; StorageUnavailable when the storage does not answer.
    """
    sample = next((sample for sample in run.samples if sample.number == number), None)
    if sample is None or not 1 <= rank <= len(sample.results):
        raise NotFound("gate log", f"{number}/{rank}")
    key = sample.results[rank - 1].log
    return await files.get(key) if key else b""


# ---- variables ------------------------------------------------------------------------------


def _variables(found: _Open, secrets: Secrets) -> VariableSet:
    system = [Variable(name, value) for name, value in predefined(_context(found)).items()]
    return effective(
        Scopes(
            release=plain_and_secret(found.release.variables, secrets.release),
            stage=plain_and_secret(found.stage.variables, secrets.stage),
            overrides=plain_and_secret(found.deployment.variables, secrets.deployment),
            system=system,
        )
    )


def _context(found: _Open) -> JobContext:
    around = found.facts.circumstances
    context = attempt_variables.context(around, found.release, found.stage, found.deployment)
    return replace(
        context,
        skips_artifacts=True,
        phase_name="Gates",
        job_id=str(uuid5(NAMESPACE_URL, f"{context.collection_url}/gates/{found.run.id}/job")),
        plan_id=str(uuid5(NAMESPACE_URL, f"quaymaster:gates:{found.run.id}")),
    )
