-- Builds, their timelines, logs and artifacts.

SELECT 1;
