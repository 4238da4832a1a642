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
