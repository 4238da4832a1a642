"""Everything there was at the beginning, with the tables of the job queue.

The queue's own statements are taken from the installed PgQueuer (pinned below 2): a fresh
database gets the schema that the running version expects.
"""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create all tables."""
    op.execute(statements.of_file("0001_first"))
    op.execute(statements.of_queue())
