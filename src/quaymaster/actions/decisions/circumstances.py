"""What a decision on a release reads besides its record: freezes, tags, where and by whom."""

from dataclasses import replace

from quaymaster.actions.call import Call
from quaymaster.actions.decisions import freeze_times, tag_patterns
from quaymaster.domain.changes import Event, SnapshotEdited
from quaymaster.domain.circumstances import reads_predefined
from quaymaster.domain.release import Release
from quaymaster.store.deployments import job_facts
from quaymaster.store.postgres.database import Connection


async def looked_up(
    connection: Connection, call: Call, release: Release, event: Event | None = None
) -> Release:
    """The release as it stands now, ready for a decision upon this event, or to be explained.

    Who and where is only asked for when the plan of some stage reads it.
    """
    release = freeze_times.at(release, call.now)
    stages = [stage.plan for stage in release.stages]
    if isinstance(event, SnapshotEdited):
        stages += event.plan.stages
    if hits := tag_patterns.hits(stages, release):
        release = replace(release, tag_hits=hits)
    if not reads_predefined(stages):
        return release
    asked = [stage.active.requested_for for stage in release.stages if stage.active]
    people = {one for one in (release.created_for, call.by, *asked) if one}
    url = call.installation.url
    around = await job_facts.of_release(connection, release.id, people, url)
    return replace(release, circumstances=around)
