"""A release as rows: which there are, what differs, and the statements that write it."""
