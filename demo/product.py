"""The product as the demo runs it: `quaymaster up` on an empty home, stopped at the end."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

COMMAND = str(Path(sys.executable).with_name("quaymaster"))
START_SECONDS = 60
STOP_SECONDS = 30


class DemoFailed(Exception):
    """Something the demo checked is not so."""


@dataclass(frozen=True, slots=True)
class Product:
    """A running installation of its own."""

    home: Path
    url: str
    admin_token: str
    process: subprocess.Popen[bytes]

    def command(self, *words: str) -> str:
        """What one administrative command prints, without the line end."""
        answer = subprocess.run(  # noqa: S603 - our own command with our own words
            [COMMAND, *words, "--home", str(self.home)],
            capture_output=True,
            text=True,
            check=False,
            env=_environment(self.admin_token),
        )
        if answer.returncode:
            raise DemoFailed(f"quaymaster {' '.join(words)}: {answer.stderr.strip()}")
        return answer.stdout.strip()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise DemoFailed(f"the product did not stop within {STOP_SECONDS} s") from None


def start(home: Path, port: int | None = None) -> Product:
    """Start on this home and wait until it says that it is ready."""
    port = port or _free_port()
    token = secrets.token_urlsafe(32)
    log = (home.parent / "quaymaster.log").open("wb")
    process = subprocess.Popen(  # noqa: S603 - our own command
        [COMMAND, "up", "--home", str(home), "--port", str(port)],
        stdout=log,
        stderr=subprocess.STDOUT,
        env=_environment(token),
    )
    log.close()
    product = Product(home, f"http://127.0.0.1:{port}", token, process)
    wait_until_ready(product, home.parent / "quaymaster.log")
    return product


def _environment(token: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("QUAYMASTER_")}
    return own | {"QUAYMASTER_ADMIN_TOKEN": token}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(product: Product, log: Path) -> None:
    """Raises DemoFailed with what the product said, and with what it answered when asked."""
    deadline = time.monotonic() + START_SECONDS
    answered = "nothing"
    while time.monotonic() < deadline and product.process.poll() is None:
        try:
            with urlopen(f"{product.url}/health/ready", timeout=2):  # noqa: S310 - our own URL
                return
        except HTTPError as refusal:
            answered = f"{refusal.code} {refusal.read().decode(errors='replace')}"
        except OSError:
            answered = "nothing"
        time.sleep(0.05)
    product.process.kill()
    raise DemoFailed(
        f"the product is not ready: /health/ready answered {answered}. "
        f"It said:\n{log.read_text(errors='replace')}"
    )
