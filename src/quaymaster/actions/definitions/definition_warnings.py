"""What a definition names that is not known here: it is saved all the same, with a warning."""

from uuid import UUID

from quaymaster.domain.plan import PhaseKind, Plan
from quaymaster.store.people import people
from quaymaster.store.postgres.database import Connection
from quaymaster.store.resources import deployment_groups, pools


async def of_what_is_unknown(connection: Connection, project: UUID, plan: Plan) -> tuple[str, ...]:
    """A warning, with its JSON path, for each approver, queue and deployment group of the plan
    that is not there now; it may be by the time a release is made."""
    return (*await _of_people(connection, plan), *await _of_queues(connection, project, plan))


async def _of_people(connection: Connection, plan: Plan) -> tuple[str, ...]:
    asked = {
        f"$.environments[{place}].{side}.approvals": [one.identity for one in rules.approvers]
        for place, stage in enumerate(plan.stages)
        for side, rules in (
            ("preDeployApprovals", stage.pre_approvals),
            ("postDeployApprovals", stage.post_approvals),
        )
    }
    known = await people.get_many(
        connection, list({who for named in asked.values() for who in named})
    )
    return tuple(
        f"{path}: nobody is known as {who}, so that only an administrator can answer; name another"
        for path, named in asked.items()
        for who in named
        if who not in known
    )


async def _of_queues(connection: Connection, project: UUID, plan: Plan) -> tuple[str, ...]:
    """The agent queues and deployment groups of phases that the project does not have."""
    asked = [
        (f"$.environments[{place}].deployPhases: phase {phase.name}", phase)
        for place, stage in enumerate(plan.stages)
        for phase in stage.phases
        if phase.queue_id and phase.kind is not PhaseKind.SERVER
    ]
    if not asked:
        return ()
    queues = {one.id for one in await pools.queues(connection, project)}
    groups = {one.id for one in await deployment_groups.listed(connection, project)}
    return tuple(
        f"{where} names deployment group {phase.queue_id}, which this project does not have, so "
        "that it fails; name another"
        if phase.kind is PhaseKind.DEPLOYMENT_GROUP
        else f"{where} names queue {phase.queue_id}, which this project does not have, so that "
        "the installation's first pool runs it; name another"
        for where, phase in asked
        if phase.queue_id not in (groups if phase.kind is PhaseKind.DEPLOYMENT_GROUP else queues)
    )
