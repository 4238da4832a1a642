"""Secure files over the wire, as the published clients send them."""

from tests.apis.azure.server import Server

BASE = "/default/Default/_apis/distributedtask/securefiles"
OCTETS = {"Content-Type": "application/octet-stream"}
CONTENT = b"the key \x00 of it"


async def test_a_file_is_sent_listed_renamed_and_removed(server: Server):
    sent = await server.ask("POST", f"{BASE}?name=site.pem", content=CONTENT, headers=OCTETS)
    assert sent.status_code == 200, sent.text
    made = sent.json()
    got = await server.get(f"{BASE}/{made['id']}")
    assert got.json() == made
    for query, count in (
        ("", 1),
        ("?namePattern=SITE*", 1),
        ("?namePattern=other", 0),
        (f"?secureFileIds={made['id']}", 1),
        ("?secureFileNames=other.pem", 0),
    ):
        assert (await server.get(BASE + query)).json()["count"] == count, query
    body = {"id": made["id"], "name": "new.pem", "properties": {"kind": "tls"}}
    changed = (await server.ask("PATCH", f"{BASE}/{made['id']}", json=body)).json()
    assert (changed["name"], changed["properties"]) == ("new.pem", {"kind": "tls"})
    assert (await server.ask("DELETE", f"{BASE}/{made['id']}")).status_code == 204
    assert (await server.get(f"{BASE}/{made['id']}")).status_code == 404


async def test_nobody_reads_it_without_a_ticket(server: Server):
    sent = await server.ask("POST", f"{BASE}?name=site.pem", content=CONTENT, headers=OCTETS)
    place = f"{BASE}/{sent.json()['id']}"
    for path in (place, f"{place}?download=true", f"{place}?ticket=guessed"):
        answer = await server.get(path, headers={"Accept": "application/octet-stream"})
        assert CONTENT not in answer.content
    assert (await server.get(f"{place}?ticket=guessed", token="")).status_code == 404
    assert (await server.get(place, token="")).status_code == 401
    reader = await server.user("rita", "vso.securefiles_read", groups=("Readers",))
    wrong = await server.token_of("rita", "vso.release")
    assert (await server.get(place, token=reader)).status_code == 200
    assert (await server.get(place, token=wrong)).status_code == 403
    assert (await server.ask("DELETE", place, token=reader)).status_code == 403


async def test_what_is_wrong_is_said(server: Server):
    for path, content, status in (
        (BASE, CONTENT, 400),
        (f"{BASE}?name=a/b", CONTENT, 400),
        (f"{BASE}?name=empty.pem", b"", 400),
        (f"{BASE}?condition=x", b"{}", 501),
    ):
        answer = await server.ask("POST", path, content=content, headers=OCTETS)
        assert answer.status_code == status, answer.text
    assert (await server.get(f"{BASE}/no-guid")).status_code == 404
    assert (await server.get(BASE)).json() == {"count": 0, "value": []}
