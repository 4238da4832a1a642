"""Steps from one schema to the next: plain SQL files, put in order by Alembic."""
