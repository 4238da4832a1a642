-- Service connections and their sealed secrets.

SELECT 1;
