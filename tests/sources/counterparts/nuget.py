"""A NuGet v3 feed: service index, flat container, registrations, one catalog entry a version."""

import base64
import hashlib

from tests.sources.counterparts.serving import (
    NOTHING,
    Counterpart,
    Reply,
    Request,
    answer,
    zipped,
)

FILES = {"Shop.nuspec": b"<package/>", "lib/net8.0/Shop.dll": b"MZ" * 500}
PACKAGE = zipped(FILES)
VERSIONS = ["1.0.0", "1.9.0", "1.10.0", "2.0.0-beta.2", "2.0.0-beta.11"]


def serve(request: Request) -> Reply:
    if not request.signs_in:
        return Reply(401)
    base, path = request.url, request.path
    if path == "/v3/index.json":
        resources = [
            {"@id": f"{base}/flat/", "@type": "PackageBaseAddress/3.0.0"},
            {"@id": f"{base}/packed/", "@type": "RegistrationsBaseUrl/3.6.0"},
            {"@id": f"{base}/registrations/", "@type": "RegistrationsBaseUrl"},
        ]
        return answer({"version": "3.0.0", "resources": resources})
    if path == "/flat/acme.shop/index.json":
        return answer({"versions": VERSIONS})
    if path == "/flat/acme.shop/1.10.0/acme.shop.1.10.0.nupkg":
        return Reply(200, PACKAGE)
    if path == "/registrations/acme.shop/1.10.0.json":
        return answer({"catalogEntry": f"{base}/catalog/7.json"})
    if path == "/catalog/7.json":
        summed = base64.b64encode(hashlib.sha512(PACKAGE).digest()).decode()
        return answer({"packageHash": summed, "packageHashAlgorithm": "SHA512"})
    return NOTHING


NUGET = Counterpart(
    "NuGet",
    serve,
    {"definition": "Acme.Shop"},
    versions=["1.10.0", "1.9.0", "1.0.0", "2.0.0-beta.11", "2.0.0-beta.2"],
    of="1.10.0",
    files=FILES,
    path="/v3/index.json",
)
