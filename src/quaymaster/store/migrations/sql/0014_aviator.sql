-- Projects, candidates and deployments of the Aviator dialect.

SELECT 1;
