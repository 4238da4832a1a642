-- Every folder that a definition or another folder stands in is there (SEMANTICS 22.7).
INSERT INTO folders (project_id, kind, path, path_key, created_by, created_at)
SELECT DISTINCT ON (standing.project_id, standing.kind, made.path_key)
  standing.project_id, standing.kind, made.path, made.path_key, standing.created_by,
  standing.created_at
FROM (
  SELECT project_id, kind, path, path_key, created_by, created_at FROM definitions
  WHERE NOT is_deleted
  UNION ALL
  SELECT project_id, kind, path, path_key, created_by, created_at FROM folders
) AS standing
CROSS JOIN LATERAL generate_series(2, cardinality(string_to_array(standing.path_key, '\'))) AS depth
CROSS JOIN LATERAL (
  SELECT array_to_string((string_to_array(standing.path, '\'))[:depth], '\') AS path,
    array_to_string((string_to_array(standing.path_key, '\'))[:depth], '\') AS path_key
) AS made
WHERE standing.path_key <> '\'
ORDER BY standing.project_id, standing.kind, made.path_key, standing.created_at
ON CONFLICT DO NOTHING;
