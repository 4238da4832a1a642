"""Objects beside the rows: streamed, removed after them, and searched for what was left over."""
