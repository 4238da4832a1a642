"""What releases keep besides their run: attachments and what belongs to them."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0007_release_records"))
