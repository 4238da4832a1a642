-- Which builds are meant by release definitions, what keeps builds, and when they go.

-- A Build artifact may be of several definitions, and may name what is not here yet: the words are
-- looked up again when a build definition of that name or id appears. A build of ours tells of
-- itself, so that nobody has to look at its source.
ALTER TABLE definition_artifacts ADD COLUMN further_keys text[] NOT NULL DEFAULT '{}';
ALTER TABLE definition_artifacts ADD COLUMN build_words text[] NOT NULL DEFAULT '{}';
ALTER TABLE definition_artifacts ADD COLUMN is_own_build boolean NOT NULL DEFAULT false;
CREATE INDEX definition_artifacts_further ON definition_artifacts USING gin (further_keys)
    WHERE further_keys <> '{}';
CREATE INDEX definition_artifacts_words ON definition_artifacts USING gin (build_words)
    WHERE build_words <> '{}';

-- Which build of ours a release has, and whether it retains it (SEMANTICS 4.6, 6.8).
ALTER TABLE release_artifacts ADD COLUMN build_id bigint;
ALTER TABLE release_artifacts ADD COLUMN retains_build boolean NOT NULL DEFAULT false;
UPDATE release_artifacts a SET build_id = b.id, retains_build = true FROM builds b
WHERE upper(a.type) = 'BUILD' AND a.version_id = b.id::text
  AND lower(a.source_id) = format('%s:%s', b.project_id, b.definition_id);
CREATE INDEX release_artifacts_build ON release_artifacts (build_id) WHERE build_id IS NOT NULL;

-- Whether a path is a folder already is asked with each file.
CREATE INDEX container_files_below ON container_files (build_id, path_key COLLATE "C");
CREATE INDEX builds_deleted ON builds (project_id, deleted_at) WHERE is_deleted;
