-- Releases that start without anybody asking.

ALTER TABLE definitions ADD COLUMN has_schedules boolean NOT NULL DEFAULT false;
CREATE INDEX definitions_scheduled ON definitions (id)
    WHERE has_schedules AND NOT is_deleted AND NOT is_disabled;

-- Which trigger has made which release: however often an event is told, one release (8.13).
CREATE TABLE firings (
    definition_id bigint NOT NULL REFERENCES definitions ON DELETE CASCADE,
    key text NOT NULL,
    fired_at timestamptz NOT NULL,
    release_id bigint,
    PRIMARY KEY (definition_id, key)
);

-- A failed attempt whose stage wants the last success back, until that was asked for.
ALTER TABLE deployments ADD COLUMN wants_rollback boolean NOT NULL DEFAULT false;
CREATE INDEX deployments_wanting_rollback ON deployments (id) WHERE wants_rollback;
