"""A Maven repository: metadata of an artifact, and files with their sums beside them."""

import hashlib

from tests.sources.counterparts.serving import NOTHING, Counterpart, Reply, Request

POM = b"""<?xml version="1.0"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <groupId>com.acme</groupId><artifactId>shop</artifactId><packaging>war</packaging>
</project>"""
FILES = {"shop-1.10.0.pom": POM, "shop-1.10.0.war": b"PK" * 700}
METADATA = b"""<?xml version="1.0" encoding="UTF-8"?>
<metadata><groupId>com.acme</groupId><artifactId>shop</artifactId><versioning><versions>
<version>1.9.0</version><version>2.0.0-SNAPSHOT</version><version>1.10.0</version>
<version>2.0.0-beta1</version></versions></versioning></metadata>"""
XML = {"Content-Type": "application/xml"}
FOLDER = "/maven/com/acme/shop"


def serve(request: Request) -> Reply:
    if not request.signs_in:
        return Reply(401)
    if request.path == f"{FOLDER}/maven-metadata.xml":
        return Reply(200, METADATA, XML)
    name = request.path.removeprefix(f"{FOLDER}/1.10.0/")
    if name in FILES:
        return Reply(200, FILES[name], XML if name.endswith(".pom") else {})
    of, _, algorithm = name.rpartition(".")
    if of in FILES and algorithm == "sha1":
        return Reply(200, hashlib.sha1(FILES[of]).hexdigest().encode())
    return NOTHING


MAVEN = Counterpart(
    "Maven",
    serve,
    {"definition": "com.acme:shop"},
    versions=["1.10.0", "1.9.0", "2.0.0-beta1"],
    of="1.10.0",
    files=FILES,
    path="/maven",
)
