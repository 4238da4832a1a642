-- The order of a definition's lists is an expression that no other index has: so PostgreSQL walks
-- these, and never past the newer releases of other definitions.

DROP INDEX releases_by_definition_status;
DROP INDEX releases_by_definition;
CREATE INDEX releases_by_definition_status
    ON releases (project_id, definition_id, is_deleted, status, (id + 0) DESC);
CREATE INDEX releases_by_definition
    ON releases (project_id, definition_id, is_deleted, (id + 0) DESC);
