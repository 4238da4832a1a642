-- What has fired which release.

SELECT 1;
