"""A registry of the OCI distribution API with a token server, as the challenge tells."""

from tests.sources.counterparts.serving import NOTHING, Counterpart, Reply, Request, answer

TAGS = ["1.9", "1.10", "1.10-rc1", "latest"]
TOKEN = "short-lived-token"


def serve(request: Request) -> Reply:
    if request.path == "/token":
        right = request.query == {"service": "far", "scope": "repository:acme/shop:pull"}
        return answer({"token": TOKEN}) if right and request.signs_in else Reply(401)
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        asks = f'Bearer realm="{request.url}/token",service="far",scope="repository:acme/shop:pull"'
        return Reply(401, b"", {"WWW-Authenticate": asks})
    if request.path == "/v2/acme/shop/tags/list":
        if request.query.get("last") == "1.10":
            return answer({"name": "acme/shop", "tags": TAGS[2:]})
        link = '</v2/acme/shop/tags/list?last=1.10>; rel="next"'
        return answer({"name": "acme/shop", "tags": TAGS[:2]}, Link=link)
    tag = request.path.removeprefix("/v2/acme/shop/manifests/")
    if tag in TAGS and request.method == "HEAD":
        return Reply(200, b"", {"Docker-Content-Digest": f"sha256:{tag}"})
    return NOTHING


REGISTRY = Counterpart(
    "AzureContainerRepository",
    serve,
    {"definition": "acme/shop"},
    versions=["1.10", "1.10-rc1", "1.9", "latest"],
    of="1.10",
    sums_up=False,
)
