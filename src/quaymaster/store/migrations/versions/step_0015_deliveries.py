"""Webhooks out and their deliveries."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0015_deliveries"))
