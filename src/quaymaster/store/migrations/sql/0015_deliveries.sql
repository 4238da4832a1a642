-- Who wants to be told of what, and what was told. A delivery keeps the body that was sent first,
-- so that every later attempt is the same to the byte, under the same id.

CREATE TABLE subscriptions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id uuid NOT NULL REFERENCES organizations,
    project_id uuid REFERENCES projects ON DELETE CASCADE,
    dialect text NOT NULL,
    happenings text[] NOT NULL CHECK (happenings <> '{}'),
    definition_id bigint,
    definition_stage_id bigint,
    side text,
    statuses text[] NOT NULL DEFAULT '{}',
    url text NOT NULL,
    settings json NOT NULL DEFAULT '{}',
    secrets bytea,
    is_enabled boolean NOT NULL DEFAULT true,
    created_by text,
    created_at timestamptz NOT NULL,
    modified_by text,
    modified_at timestamptz NOT NULL
);
CREATE INDEX subscriptions_project ON subscriptions (organization_id, project_id);

-- `due_at` of a queued delivery is when it may be sent (again); while it is being sent, when it
-- counts as lost and is sent once more.
CREATE TABLE deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    subscription_id uuid NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
    release_id bigint,
    fact json NOT NULL,
    body bytea,
    status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'delivered', 'parked')),
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    ended_at timestamptz,
    answer integer,
    problem text NOT NULL DEFAULT ''
);
CREATE INDEX deliveries_in_order ON deliveries (subscription_id, release_id, number)
    WHERE status = 'queued';
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE status = 'queued';
CREATE INDEX deliveries_of_subscription ON deliveries (subscription_id, number DESC);
CREATE INDEX deliveries_ended ON deliveries (ended_at) WHERE status <> 'queued';
