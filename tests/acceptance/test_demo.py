"""The demo tells why it failed."""

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from demo.product import DemoFailed, Product, wait_until_ready


def test_a_product_that_does_not_get_ready_is_reported_with_its_own_words(tmp_path: Path):
    log = tmp_path / "quaymaster.log"
    log.write_text("Ready [soon]")
    product = subprocess.Popen(["cat"], stdin=subprocess.PIPE)

    class NotReady(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            product.communicate()  # it ends, so nobody waits for it any longer
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b"run migrate")

    with HTTPServer(("127.0.0.1", 0), NotReady) as server:
        threading.Thread(target=server.handle_request).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(DemoFailed, match=r"answered 503 run migrate[^R]*\nReady \[soon\]"):
            wait_until_ready(Product(tmp_path, address, "", product), log)
