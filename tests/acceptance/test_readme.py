"""The first release of the README goes through as it is printed there."""

import re
import subprocess
import sys
from pathlib import Path

from tests.server.product import Product, clean_environment

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_the_first_release_of_the_readme_reaches_prod(running: Product, tmp_path: Path):
    (script,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    for printed, here in [
        ("http://127.0.0.1:8080", running.url),
        ("THE TOKEN", running.admin_token()),
    ]:
        assert script.count(printed) == 1
        script = script.replace(printed, here)
    (tmp_path / "first.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "first.py"],
        cwd=tmp_path,
        env={**clean_environment(), "AZURE_DEVOPS_CACHE_DIR": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "First-1 is in Prod\n"
