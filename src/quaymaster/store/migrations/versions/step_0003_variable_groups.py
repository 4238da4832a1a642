"""Variable groups, and the snapshots of them in releases."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.execute(statements.of_file("0003_variable_groups"))
