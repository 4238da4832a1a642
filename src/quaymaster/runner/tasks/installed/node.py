"""Finds the Node.js that runs the Node handlers of installed tasks (SEMANTICS 18.2)."""

import asyncio
import functools
import re
import shutil
import subprocess
from pathlib import Path

from quaymaster.runner.tasks.call import TaskFailed

OLDEST = 20
_ANSWER_SECONDS = 20.0
_VERSION = re.compile(r"v([0-9]{1,4})\.")


async def find(setting: str) -> str:
    """The path of a Node.js of version 20 or newer: the one of the setting, else of the PATH.

    Raises TaskFailed, saying what to install.
    """
    path = setting or shutil.which("node")
    if not path:
        raise TaskFailed(
            f"Node.js was not found on this machine. Install version {OLDEST} or newer, or name "
            "its program in QUAYMASTER_NODE."
        )
    said = await asyncio.to_thread(_version_of, path)
    found = _VERSION.match(said)
    if found is None or int(found[1]) < OLDEST:
        raise TaskFailed(
            f"{path} is not Node.js {OLDEST} or newer; asked for its version it says "
            f"{said[:100]!r}. Install a newer one, or name it in QUAYMASTER_NODE."
        )
    return path


def _version_of(path: str) -> str:
    try:
        return _said(path, Path(path).stat().st_mtime_ns)
    except OSError as error:
        raise TaskFailed(
            f"Node.js cannot be used: {path}: {error.strerror}. See QUAYMASTER_NODE."
        ) from error


@functools.lru_cache(maxsize=8)
def _said(path: str, _changed: int) -> str:
    """What the program answers to --version; asked once for as long as it stays the same."""
    try:
        ended = subprocess.run(  # noqa: S603 - the operator's own choice of program
            [path, "--version"],
            capture_output=True,
            text=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        raise TaskFailed(f"Node.js cannot be used: {path}: {error}") from error
    return (ended.stdout or ended.stderr).strip()
