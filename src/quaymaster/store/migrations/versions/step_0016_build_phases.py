"""Agentless phases of builds and what jobs pass on."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0016_build_phases"))
