-- What projects of the Aviator dialect do by themselves.

-- When a definition cuts its next candidate. `due_at` is the occurrence that is to be answered,
-- `look_at` is later than that while something that went wrong is to be tried again.
CREATE TABLE scheduled_cuts (
    definition_id bigint PRIMARY KEY REFERENCES definitions ON DELETE CASCADE,
    cron text NOT NULL,
    time_zone text NOT NULL,
    numbering text NOT NULL CHECK (numbering IN ('calver', 'semver')),
    branch text NOT NULL DEFAULT '',
    due_at timestamptz NOT NULL,
    look_at timestamptz NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    problem text NOT NULL DEFAULT ''
);
CREATE INDEX scheduled_cuts_look ON scheduled_cuts (look_at);

-- Candidates that are to be deployed by themselves as soon as they are built.
CREATE TABLE automatic_deployments (
    release_id bigint NOT NULL REFERENCES releases ON DELETE CASCADE,
    environment_id bigint NOT NULL REFERENCES environments ON DELETE CASCADE,
    PRIMARY KEY (release_id, environment_id)
);
