"""Jobs, their steps, logs and attachments, and what services report on them."""
