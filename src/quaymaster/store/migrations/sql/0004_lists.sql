-- A definition's releases of one status in the order of a list. Without it PostgreSQL walks all
-- releases of that status, and past those of other definitions, however many are newer.

CREATE INDEX releases_by_definition_status
    ON releases (project_id, definition_id, is_deleted, status, id DESC);
