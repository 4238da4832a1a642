-- Repositories, webhooks and what they told.

SELECT 1;
