"""What a process needs seldom, or never, is not loaded when it starts: idle memory is a goal."""

import subprocess
import sys

import pytest

SELDOM = ("graphql", "alembic", "sqlalchemy", "dulwich")


@pytest.mark.parametrize(
    ("module", "left_out"),
    [
        ("quaymaster.server.app", (*SELDOM, "pgqueuer", "pydantic")),
        ("quaymaster.cli.work", SELDOM),
        ("quaymaster.runner.host", (*SELDOM, "pgqueuer", "pydantic", "httpx", "asyncpg")),
    ],
)
def test_a_process_starts_without_what_it_seldom_needs(module: str, left_out: tuple[str, ...]):
    asked = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, check=True).stdout
    assert not set(left_out) & set(loaded.decode().split())
