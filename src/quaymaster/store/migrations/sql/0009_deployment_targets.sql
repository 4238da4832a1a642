-- Deployment groups, their targets and task groups.

SELECT 1;
