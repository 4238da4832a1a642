"""An npm registry: one document for each package, archives beside it."""

import base64
import hashlib
import io
import tarfile

from tests.sources.counterparts.serving import NOTHING, Counterpart, Reply, Request, answer

FILES = {"package/package.json": b"{}", "package/dist/shop.js": b"export {}\n" * 40}
VERSIONS = ["1.9.0", "2.0.0-beta.1", "1.10.0"]


def _packed() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in FILES.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


PACKAGE = _packed()


def serve(request: Request) -> Reply:
    if not request.signs_in:
        return Reply(401)
    if request.path == "/npm/@acme/shop":
        sums = base64.b64encode(hashlib.sha512(PACKAGE).digest()).decode()
        at = f"{request.url}/npm/@acme/shop/-/shop-1.10.0.tgz"
        versions = {
            one: {"dist": {"tarball": at, "integrity": f"sha512-{sums}", "shasum": "0"}}
            for one in VERSIONS
        }
        times = {"1.10.0": "2026-03-01T10:00:00.000Z"}
        tags = {"latest": "1.10.0"}
        return answer(
            {"name": "@acme/shop", "versions": versions, "time": times, "dist-tags": tags}
        )
    if request.path == "/npm/@acme/shop/-/shop-1.10.0.tgz":
        return Reply(200, PACKAGE)
    return NOTHING


NPM = Counterpart(
    "npm",
    serve,
    {"definition": "@acme/shop"},
    versions=["1.10.0", "1.9.0", "2.0.0-beta.1"],
    of="1.10.0",
    files=FILES,
    path="/npm",
)
