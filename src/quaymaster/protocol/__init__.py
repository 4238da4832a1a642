"""Messages between a worker and the process that runs a job."""
