"""One running product for all acceptance tests, and Microsoft's Python client connected to it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.client import Visitor
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
    """A folder with the client installed from the lock file; kept in var/ between runs."""
    if shutil.which("npm") is None:
        pytest.skip("there is no npm on this machine, so Node's client cannot be installed")
    lock = (NODE / "package-lock.json").read_text("utf-8")
    folder = NODE.parents[2] / "var" / "node-client"
    done = folder / "installed.json"
    if not done.exists() or done.read_text("utf-8") != lock:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(NODE / name, folder / name)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=100)
        done.write_text(lock, "utf-8")
    return folder


def _command(*words: str) -> str:
    done = subprocess.run(
        [*Product(Path()).command, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]
