"""Tasks that run without an agent, as gates and in agentless phases (SEMANTICS 10.5, 20)."""
