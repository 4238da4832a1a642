"""An index for lists of a definition's releases by status."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.execute(statements.of_file("0004_lists"))
