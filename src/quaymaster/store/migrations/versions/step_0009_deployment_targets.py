"""Deployment groups, their targets and task groups."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0009_deployment_targets"))
