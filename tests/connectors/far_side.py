"""A small server that answers as badly as a test wants."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class FarSide:
    """What was asked, whole, and where it was asked."""

    port: int
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def far_side(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[FarSide]:
    found = FarSide(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next((int(x.split(":")[1]) for x in lines if x.startswith("content-length")), 0)
        found.asked.append((head + await reader.readexactly(length)).decode())
        try:
            await answer(writer)
        except ConnectionError:
            return  # the client had enough, as it should
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()


def answering(body: str, status: str = "200 OK", **headers: str) -> Answer:
    """Always this answer."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        extra = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items())
        length = f"Content-Length: {len(body.encode())}\r\n"
        writer.write(f"HTTP/1.1 {status}\r\n{length}{extra}\r\n{body}".encode())
        await writer.drain()

    return answer
