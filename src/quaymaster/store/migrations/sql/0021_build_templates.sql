-- Templates of build definitions: a project keeps each under the id that its author gave it.

CREATE TABLE build_templates (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    id_key text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    summary json NOT NULL,
    template json NOT NULL,
    changed_by text,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, id_key)
);
COMMENT ON COLUMN build_templates.summary IS 'the published JSON without the definition that the template stands for';
