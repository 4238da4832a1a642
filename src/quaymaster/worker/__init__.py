"""Background doors: queue handlers, schedules, sweeper."""
