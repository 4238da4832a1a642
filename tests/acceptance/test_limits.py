"""What Microsoft's clients make of an identity that sends more than it may (CONTRACT A.7, A.8)."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.client import PROJECT, Visitor
from tests.acceptance.conftest import contributor
from tests.server.product import Product

LIMIT = 60  # a minute: one of them is free again after each second

ASK_AGAIN = """
const azure = require("azure-devops-node-api");
(async () => {
  const handler = azure.getPersonalAccessTokenHandler(process.env.TOKEN);
  const api = await new azure.WebApi(process.env.BASE_URL, handler).getReleaseApi();
  let told;
  for (let number = 0; number < 200; number++) {
    try {
      told = (await api.getFolders("Default")).rateLimit || told;
    } catch (refusal) {
      console.log(JSON.stringify({ told, status: refusal.statusCode, refused: refusal.result }));
      return;
    }
  }
})();
"""


@pytest.fixture(scope="module")
def limited(reachable_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product with a small limit."""
    given = {"QUAYMASTER_REQUESTS_PER_MINUTE": str(LIMIT)}
    product = Product(reachable_folder / "limited", given)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_DEVOPS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        try:
            yield product.start()
        finally:
            product.stop()


def test_the_python_client_waits_as_it_is_told_and_goes_on(limited: Product) -> None:
    client = Visitor(limited.url, limited.admin_token()).releases
    for _ in range(LIMIT + 2):
        assert client.get_folders(PROJECT)


def test_the_node_client_shows_the_limit_and_then_the_refusal(
    limited: Product, packages: Path
) -> None:
    somebody = contributor(limited, "nora")
    done = subprocess.run(
        ["node", "-e", ASK_AGAIN],
        env={
            **os.environ,
            "NODE_PATH": str(packages),
            "BASE_URL": somebody.url,
            "TOKEN": somebody.token,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["status"] == 429
    assert answer["told"]["limit"] == LIMIT
    assert answer["refused"]["typeKey"] == "RequestBlockedException"
