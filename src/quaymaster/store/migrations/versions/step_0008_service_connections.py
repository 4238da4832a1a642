"""Service connections and their sealed secrets."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0008_service_connections"))
