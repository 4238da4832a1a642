"""Summary mails of a release: asked for, kept, readable (CONTRACT B.4)."""

from typing import Any

from tests.apis.azure.server import Server
from tests.documents import definition, stage


async def released(server: Server, **changes: Any) -> int:
    made = await server.made("definitions", definition("Web <b>", stage("Dev"), **changes))
    release = await server.made(
        "releases", {"definitionId": made["id"], "description": "<script>x</script>"}
    )
    number: int = release["id"]
    return number


async def test_a_mail_is_kept_with_who_when_and_to_whom(server: Server) -> None:
    release = await released(server)
    me = await server.me()
    body = {
        "subject": "It is out",
        "body": "Look at it",
        "to": {"tfsIds": [me], "emailAddresses": ["ann@example.org"]},
        "cC": {"emailAddresses": ["bob@example.org"]},
        "sections": [5, "environments", "Environments"],
    }
    answer = await server.project("POST", f"sendmail/{release}", json=body)
    assert (answer.status_code, answer.content) == (204, b"")
    (sent,) = (await server.seen(f"sendmail/{release}/sent"))["value"]
    assert (sent["subject"], sent["body"]) == ("It is out", "Look at it")
    assert sent["sentBy"]["uniqueName"] == "admin"
    assert sent["to"]["emailAddresses"] == ["ann@example.org"]
    assert [one["uniqueName"] for one in sent["to"]["identities"]] == ["admin"]
    assert sent["cc"]["emailAddresses"] == ["bob@example.org"]
    assert sent["sections"] == ["releaseInfo", "environments"]
    told = (await server.seen(f"releases/{release}/history"))["value"]
    assert [(one["comment"], one["changedBy"]["uniqueName"]) for one in told[-1:]] == [
        ("It is out", "admin")
    ]


async def test_a_mail_that_names_nobody_goes_to_whom_the_release_was_made_for(
    server: Server,
) -> None:
    release = await released(server)
    answer = await server.project(
        "POST", f"sendmail/{release}", json={"subject": "x", "to": {"tfsIds": []}}
    )
    assert answer.status_code == 204
    (sent,) = (await server.seen(f"sendmail/{release}/sent"))["value"]
    assert sent["to"]["tfsIds"] == [await server.me()]


async def test_the_sections_hold_no_markup_of_others(server: Server) -> None:
    release = await released(server)
    sections = (await server.seen(f"sendmail/{release}"))["value"]
    assert [one["sectionType"] for one in sections] == [
        "releaseInfo",
        "details",
        "environments",
        "issues",
    ]
    info = sections[0]["htmlContent"]
    assert "&lt;script&gt;" in info
    assert "<script>" not in info
    assert "<b>" not in info
    assert "Dev" in sections[2]["htmlContent"]


async def test_what_cannot_be_sent_is_refused_and_not_kept(server: Server) -> None:
    release = await released(server)
    for wrong in (
        {},
        [],
        {"subject": " "},
        {"subject": "x" * 1001},
        {"subject": 7},
        {"subject": "x", "to": []},
        {"subject": "x", "to": {"emailAddresses": ["no address"]}},
        {"subject": "x", "to": {"emailAddresses": [f"a{n}@b.c" for n in range(201)]}},
        {"subject": "x", "to": {"tfsIds": ["nobody"]}},
        {"subject": "x", "sections": ["all"]},
        {"subject": "x", "body": "x" * 100_001},
    ):
        answer = await server.project("POST", f"sendmail/{release}", json=wrong)
        assert answer.status_code == 400, wrong
    assert (await server.seen(f"sendmail/{release}/sent"))["value"] == []
    reader = await server.user("reader", groups=("Readers",))
    path = f"sendmail/{release}"
    assert (await server.project("GET", path, token=reader)).status_code == 200
    denied = await server.project("POST", path, json={"subject": "x"}, token=reader)
    assert denied.status_code == 403
    assert (await server.project("POST", "sendmail/99", json={"subject": "x"})).status_code == 404
