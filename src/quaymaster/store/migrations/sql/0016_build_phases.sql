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

-- Statuses of commits on their way to their repositories. `due_at` of a queued one is when it may
-- be posted (again); while it is being posted, when it counts as lost and is posted once more.
CREATE TABLE status_posts (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    build_id bigint REFERENCES builds ON DELETE CASCADE,
    release_id bigint,
    lane text NOT NULL,
    topic text NOT NULL,
    told json NOT NULL,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'posted', 'parked')),
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    ended_at timestamptz,
    answer integer,
    problem text NOT NULL DEFAULT ''
);
CREATE INDEX status_posts_in_order ON status_posts (lane, topic, number) WHERE status = 'queued';
CREATE INDEX status_posts_due ON status_posts (due_at) WHERE status = 'queued';
CREATE INDEX status_posts_ended ON status_posts (ended_at) WHERE status <> 'queued';
CREATE INDEX status_posts_build ON status_posts (build_id) WHERE build_id IS NOT NULL;
