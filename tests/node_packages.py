"""Packages of Node.js that tests need, fetched from the registry once and kept in var/."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

KEPT = Path(__file__).parents[1] / "var" / "node_packages"


def node_modules(folder: Path) -> Path:
    """The node_modules that the lock file in this folder names; skips where there is no npm.

    Several processes may ask at the same time: whoever is first is done for all.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node and npm are not installed on this machine, so their packages are not")
    lock = (folder / "package-lock.json").read_bytes()
    place = KEPT / hashlib.sha256(lock).hexdigest()[:16]
    if not place.is_dir():
        fetched = Path(f"{place}.{os.getpid()}")
        fetched.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(folder / name, fetched)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ended = subprocess.run(command, cwd=fetched, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        try:
            fetched.rename(place)
        except OSError:  # somebody else was quicker
            shutil.rmtree(fetched)
    return place / "node_modules"
