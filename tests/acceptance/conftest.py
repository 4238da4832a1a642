"""One running product for all acceptance tests, and Microsoft's Python client connected to it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.client import Visitor
from tests.node_packages import node_modules
from tests.server.product import Product

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="session")
def running(reachable_folder: Path) -> Iterator[Product]:
    """`quaymaster up` on an empty home, with its worker."""
    product = Product(reachable_folder / "acceptance")
    try:
        yield product.start()
    finally:
        product.stop()


@pytest.fixture(scope="session")
def admin(running: Product, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """The administrator, with the client's location cache in an empty folder (CONTRACT A.2)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_DEVOPS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield Visitor(running.url, running.admin_token())


@pytest.fixture(scope="session")
def approver(running: Product, admin: Visitor) -> Visitor:
    """Somebody else, who may approve: a contributor of the project."""
    return contributor(running, "quinn")


def contributor(product: Product, name: str) -> Visitor:
    """A new person of the project with a token."""
    home = str(product.home)
    _command("user", "create", name, "--home", home)
    _command("group", "add", "Contributors", name, "--project", "Default", "--home", home)
    return Visitor(product.url, _command("token", "create", "--user", name, "--home", home))


@pytest.fixture(scope="session")
def packages() -> Path:
    """Node's client, installed from the lock file."""
    return node_modules(NODE)


def _command(*words: str) -> str:
    done = subprocess.run(
        [*Product(Path()).command, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]
