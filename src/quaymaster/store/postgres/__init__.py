"""PostgreSQL itself: connections, pages, wake-ups, notices, and what the sweeper asks."""
