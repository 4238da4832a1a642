-- Service connections and their sealed secrets.

-- `secret_parameters` and `secret_data` name what is sealed in `secrets`.
CREATE TABLE service_connections (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name text NOT NULL,
    name_key text NOT NULL,
    type text NOT NULL,
    description text NOT NULL DEFAULT '',
    url text NOT NULL DEFAULT '',
    scheme text NOT NULL DEFAULT '',
    parameters json NOT NULL,
    data json NOT NULL,
    secret_parameters text[] NOT NULL DEFAULT '{}',
    secret_data text[] NOT NULL DEFAULT '{}',
    secrets bytea,
    created_by text,
    created_at timestamptz NOT NULL,
    modified_by text,
    modified_at timestamptz NOT NULL,
    UNIQUE (project_id, name_key)
);
