"""What is needed to start releases by schedules and events, and to roll back by itself."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    op.execute(statements.of_file("0002_triggers"))
