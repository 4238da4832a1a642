"""Service hooks: who is told what over HTTP, in the events that receivers know."""
