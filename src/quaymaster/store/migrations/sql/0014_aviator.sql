-- Projects, candidates and deployments of the Aviator dialect.

-- A definition that releases the commits of one repository under versions. Its name, its stages
-- and all that its releases do stand in the definition itself.
CREATE TABLE repository_definitions (
    definition_id bigint PRIMARY KEY REFERENCES definitions ON DELETE CASCADE,
    repository text NOT NULL,
    settings json NOT NULL DEFAULT '{}',
    secrets bytea
);

CREATE TABLE repository_environments (
    environment_id bigint PRIMARY KEY REFERENCES environments ON DELETE CASCADE,
    definition_id bigint NOT NULL REFERENCES repository_definitions ON DELETE CASCADE,
    tier text NOT NULL CHECK (tier IN ('production', 'staging', 'development')),
    parent_id bigint REFERENCES environments ON DELETE SET NULL,
    settings json NOT NULL DEFAULT '{}'
);
CREATE INDEX repository_environments_definition ON repository_environments (definition_id);

-- The build of a release, done outside. A release without one was ready when it was made.
CREATE TABLE release_builds (
    release_id bigint PRIMARY KEY REFERENCES releases ON DELETE CASCADE,
    status text NOT NULL,
    problem text NOT NULL DEFAULT '',
    url text NOT NULL DEFAULT '',
    run_id text NOT NULL DEFAULT '',
    told_at timestamptz NOT NULL
);
CREATE INDEX release_builds_under_way ON release_builds (told_at)
    WHERE status IN ('pending', 'inProgress', 'canceling');

-- Found by their exact names, whatever project they stand in.
CREATE INDEX definitions_by_key ON definitions (name_key) WHERE NOT is_deleted;
CREATE INDEX environments_by_name ON environments (definition_id, name);
