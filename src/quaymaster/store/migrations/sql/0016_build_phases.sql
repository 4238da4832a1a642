-- Jobs of builds that need no worker, what jobs hand on to others, and statuses told to repositories.

-- `question` is a manual validation that a job waits for, with its answer. Outputs are what later
-- jobs of the build may read; those that are secret are sealed.
ALTER TABLE jobs ADD COLUMN question json;
ALTER TABLE jobs ADD COLUMN outputs json NOT NULL DEFAULT '{}';
ALTER TABLE jobs ADD COLUMN secret_outputs bytea;

-- A service reports on a job of a release or of a build.
ALTER TABLE call_backs ALTER COLUMN release_id DROP NOT NULL;
ALTER TABLE call_backs ADD COLUMN build_id bigint REFERENCES builds ON DELETE CASCADE;
CREATE INDEX call_backs_build ON call_backs (build_id) WHERE build_id IS NOT NULL;

-- The last number of each counter() in the variables of a build definition.
CREATE TABLE build_counters (
    definition_id bigint NOT NULL REFERENCES definitions ON DELETE CASCADE,
    prefix text NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (definition_id, prefix)
);
