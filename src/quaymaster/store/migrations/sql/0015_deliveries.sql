-- Webhooks out and their deliveries.

SELECT 1;
