"""How often and how well environments are deployed to, counted over a span of time (AVIATOR 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quaymaster.domain.release import Outcome
from quaymaster.store.postgres.database import Connection

FAILED = (Outcome.REJECTED, Outcome.PHASE_FAILED, Outcome.GATE_FAILED, Outcome.ERROR)

# A failure is one that failed, or a success that a later rollback led away from. An outage begins
# with the first failure after a success and ends with the next success.
METRICS = """
WITH undone AS MATERIALIZED (
  SELECT (SELECT max(d.id) FROM stages s JOIN deployments d ON d.stage_id = s.id
    WHERE s.release_id = x.rolls_back AND s.definition_stage_id = x.definition_stage_id
      AND d.id < x.id) AS id
  FROM deployments x WHERE x.definition_stage_id = ANY ($1::bigint[]) AND x.queued_at >= $2
    AND x.rolls_back IS NOT NULL),
ended AS (
  SELECT d.definition_stage_id AS environment, d.id, d.completed_at, d.rolls_back,
    d.status IN ('succeeded', 'partiallySucceeded') AS has_succeeded,
    d.outcome = ANY ($4::text[]) AS has_failed, r.created_at AS cut_at,
    d.id IN (SELECT id FROM undone) AS was_undone
  FROM deployments d JOIN releases r ON r.id = d.release_id
  WHERE d.definition_stage_id = ANY ($1::bigint[]) AND d.completed_at >= $2
    AND d.completed_at < $3),
outages AS (
  SELECT e.environment, e.completed_at, (SELECT n.completed_at FROM deployments n
    WHERE n.definition_stage_id = e.environment AND n.id > e.id
      AND n.status IN ('succeeded', 'partiallySucceeded') ORDER BY n.id LIMIT 1) AS restored_at
  FROM (SELECT *, lag(has_failed) OVER (PARTITION BY environment ORDER BY id) AS was_down
    FROM ended WHERE has_failed OR has_succeeded) e
  WHERE e.has_failed AND e.was_down IS NOT TRUE)
SELECT k.id AS environment, count(e.id) FILTER (WHERE has_succeeded OR has_failed) AS deployments,
  count(e.id) FILTER (WHERE has_succeeded) AS succeeded,
  count(e.id) FILTER (WHERE has_failed OR has_succeeded AND was_undone) AS failed,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.completed_at - e.cut_at))
    FILTER (WHERE has_succeeded AND e.rolls_back IS NULL) AS lead_seconds,
  (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM restored_at
    - o.completed_at)) FROM outages o WHERE o.environment = k.id AND restored_at IS NOT NULL)
    AS restore_seconds
FROM unnest($1::bigint[]) AS k (id) LEFT JOIN ended e ON e.environment = k.id
GROUP BY k.id
"""


@dataclass(frozen=True, slots=True)
class DeliveryMetrics:
    """What came of the deployments to one environment; seconds are medians, None without any.

    `failed` counts those that failed and those that were rolled back; the lead is from the cut of
    a candidate to its success here.
    """

    environment: int
    deployments: int
    succeeded: int
    failed: int
    lead_seconds: float | None
    restore_seconds: float | None


async def of_environments(
    connection: Connection, environments: Sequence[int], since: datetime, until: datetime
) -> dict[int, DeliveryMetrics]:
    """The figures of what ended in this span, by environment."""
    rows = await connection.fetch(METRICS, list(environments), since, until, list(FAILED))
    return {row["environment"]: DeliveryMetrics(**dict(row)) for row in rows}
