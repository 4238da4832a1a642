"""The GUIDs by which tasks and clients name the run of a phase and its jobs.

They are made from ids, so that a job's variables (`System.PlanId`, `System.JobId`) and every
answer name the same thing the same way.
"""

from uuid import NAMESPACE_URL, uuid5


def plan_of_phase(phase: int) -> str:
    """The run plan of a phase; its timeline has the same GUID."""
    return str(uuid5(NAMESPACE_URL, f"quaymaster:phase:{phase}"))


def record_of_job(job: int) -> str:
    """The record of a job in the timeline of its phase."""
    return str(uuid5(NAMESPACE_URL, f"quaymaster:job:{job}"))
