"""What Aviator projects do by themselves."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0019_automation"))
