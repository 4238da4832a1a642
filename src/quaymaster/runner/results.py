"""How the results of steps make the result of their job (SEMANTICS 13.7)."""

from quaymaster.protocol.job import JobResult

_RANK = {
    JobResult.SUCCEEDED: 0,
    JobResult.SUCCEEDED_WITH_ISSUES: 1,
    JobResult.FAILED: 2,
    JobResult.CANCELED: 3,
    JobResult.SKIPPED: 3,
    JobResult.ABANDONED: 3,
}


def merge(current: JobResult | None, coming: JobResult) -> JobResult:
    """The worse of the two; a result beyond Failed is never replaced."""
    if current is None:
        return coming
    if _RANK[current] > _RANK[JobResult.FAILED]:
        return current
    return coming if _RANK[coming] >= _RANK[current] else current


def counts_for_job(result: JobResult) -> bool:
    """Whether a step's result changes its job's; a skipped step changes nothing."""
    return result in (JobResult.SUCCEEDED_WITH_ISSUES, JobResult.FAILED)
