"""Who asks: people, their projects, and the tokens of people, jobs and services."""
