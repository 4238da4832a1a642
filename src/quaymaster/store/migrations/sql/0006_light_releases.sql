-- Rendered entries of the release lists.

SELECT 1;
