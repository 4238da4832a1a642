"""Which builds are kept and why."""

from alembic import op

from quaymaster.store.migrations import statements

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the statements of this step."""
    op.execute(statements.of_file("0017_build_retention"))
