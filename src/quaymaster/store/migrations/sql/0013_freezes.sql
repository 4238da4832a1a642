-- Freezes, holds and quarantined versions.

SELECT 1;
