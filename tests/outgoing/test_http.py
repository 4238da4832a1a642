"""Outgoing calls reach allowed addresses only, and end, whatever the far side does (R-13, R-38)."""

import asyncio
import gzip
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from quaymaster.actions.ports.outside import Unreachable, WebRequest
from quaymaster.outgoing.addresses import AllowedAddresses, NotAllowed
from quaymaster.outgoing.http import GuardedClient
from tests.connectors.far_side import answering, far_side

LOCAL = AllowedAddresses.of(("127.0.0.1",))
NOWHERE = AllowedAddresses()


def get(url: str, **headers: str) -> WebRequest:
    return WebRequest("GET", url, headers)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "169.254.169.254", "fe80::1%eth0"),
        *("10.0.0.1", "172.16.5.5", "192.168.1.1", "fd00::1", "fec0::1", "100.64.0.1"),
        *("224.0.0.1", "ff02::1", "240.0.0.1", "255.255.255.255", "192.0.2.1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::"),
        "::127.0.0.1",
    ],
)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(NotAllowed, match="QUAYMASTER_ALLOWED_ADDRESSES"):
        NOWHERE.check("somewhere.example", address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address: str) -> None:
    NOWHERE.check("somewhere.example", address)


def test_an_operator_allows_networks_and_hosts() -> None:
    allowed = AllowedAddresses.of(("10.0.0.0/8", "Monitor.Internal", "::1"))
    allowed.check("x", "10.3.2.1")
    allowed.check("x", "::ffff:10.3.2.1")
    allowed.check("monitor.internal", "192.168.0.9")
    allowed.check("x", "::1")
    with pytest.raises(NotAllowed):
        allowed.check("x", "192.168.0.9")


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "a b", "http://x", ""])
def test_an_entry_that_means_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a network"):
        AllowedAddresses.of((entry,))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]"],
)
async def test_no_way_of_writing_loopback_gets_through(host: str) -> None:
    async with far_side(answering("secret")) as far:
        with pytest.raises(Unreachable, match=r"not a public address|not a URL"):
            await GuardedClient(NOWHERE).ask(get(f"http://{host}:{far.port}/"))
        assert far.asked == []


async def test_a_name_that_points_elsewhere_the_second_time_gains_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The connection goes to the address that was checked; the name is resolved once."""
    asked: list[str] = []

    async def resolve(self: Any, host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async with far_side(answering("fine")) as far:
        monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)
        url = f"http://rebind.example:{far.port}/"
        answer = await GuardedClient(LOCAL).ask(get(url))
        assert answer.body == b"fine"
        assert f"host: rebind.example:{far.port}" in far.asked[0].lower()
        with pytest.raises(Unreachable, match=r"169\.254\.169\.254"):
            await GuardedClient(LOCAL).ask(get(url))
    assert len([host for host in asked if host == "rebind.example"]) == 2


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://x/", "ftp://x/", "nonsense", ""])
async def test_only_http_is_spoken(url: str) -> None:
    with pytest.raises(Unreachable):
        await GuardedClient(LOCAL).ask(get(url))


@pytest.mark.parametrize("target", ["http://169.254.169.254/", "http://[::1]/", "file:///etc"])
async def test_a_redirect_is_checked_as_the_first_address_was(target: str) -> None:
    async with far_side(answering("", "302 Found", Location=target)) as far:
        with pytest.raises(Unreachable, match=r"public address|Only http"):
            await GuardedClient(LOCAL).ask(get(far.url))


async def test_redirects_end() -> None:
    async with far_side(answering("", "307 Temporary Redirect", Location="/again")) as far:
        with pytest.raises(Unreachable, match="after 5 redirects"):
            await GuardedClient(LOCAL).ask(get(far.url))
        assert len(far.asked) == 6


async def test_credentials_do_not_follow_a_redirect_to_another_server() -> None:
    async with far_side(answering("there")) as other:
        async with far_side(answering("", "302 Found", Location=other.url)) as far:
            asked = WebRequest("POST", far.url, {"Authorization": "Basic eHg6eXk="}, b"text")
            answer = await GuardedClient(LOCAL).ask(asked)
        assert answer.body == b"there"
        assert "authorization" not in other.asked[0].lower()
        assert other.asked[0].startswith("GET /")
        assert answer.redirects == (other.url,)


async def test_a_slow_drip_ends_with_the_time() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with far_side(drip) as far:
        with pytest.raises(Unreachable, match="did not answer completely"):
            await GuardedClient(LOCAL, seconds=0.3).ask(get(far.url))


async def test_a_silent_server_ends_with_the_time() -> None:
    async def silent(_writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with far_side(silent) as far:
        with pytest.raises(Unreachable, match="did not answer completely"):
            await GuardedClient(LOCAL, seconds=0.2).ask(get(far.url))


async def test_an_endless_body_is_not_read_to_its_end() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with far_side(flood) as far:
        with pytest.raises(Unreachable, match="more than 100000 bytes"):
            await GuardedClient(LOCAL, most_bytes=100_000).ask(get(far.url))


async def test_a_packed_answer_is_not_unpacked() -> None:
    async def bomb(writer: asyncio.StreamWriter) -> None:
        body = gzip.compress(b"\0" * 10_000_000)
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    async with far_side(bomb) as far:
        with pytest.raises(Unreachable, match="encoding gzip"):
            await GuardedClient(LOCAL).ask(get(far.url))


async def test_endless_headers_are_refused() -> None:
    async def flood(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: " + b"y" * 65536 + b"\r\n")
            await writer.drain()

    async with far_side(flood) as far:
        with pytest.raises(Unreachable):
            await GuardedClient(LOCAL).ask(get(far.url))


async def test_what_speaks_no_http_is_named() -> None:
    async def nonsense(writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")

    async with far_side(nonsense) as far:
        with pytest.raises(Unreachable, match="does not speak HTTP"):
            await GuardedClient(LOCAL).ask(get(far.url))


async def test_errors_show_no_credentials() -> None:
    url = "http://user:pass-word@127.0.0.1:1/path?token=s3cret"
    with pytest.raises(Unreachable) as refused:
        await GuardedClient(LOCAL).ask(get(url, Authorization="Bearer s3cret"))
    assert "cannot be reached" in str(refused.value)
    assert not any(word in str(refused.value) for word in ("s3cret", "pass-word", "user"))
    assert "s3cret" not in repr(get(url, Authorization="Bearer s3cret"))


async def test_a_header_cannot_smuggle_another_request() -> None:
    async with far_side(answering("fine")) as far:
        with pytest.raises(Unreachable):
            await GuardedClient(LOCAL).ask(get(far.url, X="a\r\nEvil: yes"))
        assert far.asked == []


def certified(folder: Path, name: str, *, days_left: int) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side with a certificate of its own for this name, and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days_left)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=90))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    certificate = made.public_bytes(serialization.Encoding.PEM)
    file = folder / "server.pem"
    file.write_bytes(secret + certificate)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cadata=certificate.decode())


@pytest.mark.parametrize(
    ("name", "days_left", "problem"),
    [
        ("localhost", 30, ""),
        ("localhost", -1, "certificate has expired"),
        ("elsewhere.example", 30, "certificate is not valid for 'localhost'"),
    ],
)
async def test_a_certificate_is_checked_for_the_name_that_was_called(
    tmp_path: Path, name: str, days_left: int, problem: str
) -> None:
    """Although the connection goes to an address, the name is asked for and has to fit."""
    server, trust = certified(tmp_path, name, days_left=days_left)
    client = GuardedClient(AllowedAddresses.of(("localhost",)), trust=trust, seconds=30)
    async with far_side(answering("private"), server) as far:
        url = f"https://localhost:{far.port}/"
        if not problem:
            assert (await client.ask(get(url))).body == b"private"
            return
        with pytest.raises(Unreachable) as refused:
            await client.ask(get(url))
        assert problem in str(refused.value)
        assert far.asked == []
