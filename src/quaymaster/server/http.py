"""Serves the ASGI app with granian inside this process, until told to stop."""

import asyncio
import errno
import gc
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

if TYPE_CHECKING:
    from litestar import Litestar

_log = structlog.get_logger("quaymaster.http")

_BACKLOG = 4096  # connections that wait to be taken
_BACKPRESSURE = 12_000  # connections taken at a time: ten thousand idle ones hold up nobody
# Of one connection at a time, on its way in and on its way out. Each piece of a body passes through
# three threads: with granian's own 0.4 MB those took longer than the bytes, and an upload had two
# thirds of the speed. More than this only costs memory for each client that is slow.
_BUFFERED_BYTES = 2 * 1024 * 1024
_LAST_REQUESTS_SECONDS = 10
_LOOK_SECONDS = 0.01
_GARBAGE = 10_000  # objects more than were dropped, before the youngest are looked through
_LOGS_TO_OURS = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {},
    "formatters": {},
    "loggers": {"_granian": {"propagate": True}, "granian.access": {"propagate": True}},
}


class AddressInUseError(OSError):
    """The address cannot be listened at; the text says which and what to do."""


def free_address(host: str, port: int) -> int:
    """The port to listen at, chosen by the system for port 0. Raises AddressInUseError.

    Asked with a socket of our own, because granian shares a port that another server of its kind
    listens at, and each would answer half of the requests.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError as error:
            raise AddressInUseError(_refusal(host, port, error)) from None
        return int(probe.getsockname()[1])


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        why = "another program listens there"
    else:
        why = os.strerror(error.errno) if error.errno else str(error)
    return f"Cannot listen at {host} port {port}: {why}. Choose another --port or --host."


async def serve(
    app: "Litestar", host: str, port: int, stopping: asyncio.Event, tell: Callable[[], None]
) -> None:
    """Serve until `stopping` is set; requests under way get a moment to end.

    `tell` is called once connections are taken: a script may wait for what it says.
    """
    server = Server(
        app,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,  # the lifespan runs below, also when requests overstay
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        backpressure=_BACKPRESSURE,
        http1_settings=HTTP1Settings(header_read_timeout=30_000, max_buffer_size=_BUFFERED_BYTES),
        log_level=LogLevels.error,
        log_dictconfig=_LOGS_TO_OURS,
    )
    server.workers_kill_timeout = _LAST_REQUESTS_SECONDS
    async with app.lifespan():
        _collect_less()
        serving = asyncio.create_task(server.serve(), name="http")
        told = asyncio.create_task(stopping.wait())
        telling = asyncio.create_task(_tell_when_listening(host, port, tell))
        try:
            await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
            server.stop()  # type: ignore[no-untyped-call]  # granian leaves it without annotations
            await serving
        except TimeoutError:
            _log.info("requests that did not end were cut off", after=_LAST_REQUESTS_SECONDS)
        finally:
            told.cancel()
            telling.cancel()


def _collect_less() -> None:
    """What is loaded by now stays: leave it out of every search for garbage, and search less often.

    A request makes and drops some thousand objects, few of them in cycles; at Python's own
    threshold a tenth of its time went into looking for those.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE, 20, 20)


async def _tell_when_listening(host: str, port: int, tell: Callable[[], None]) -> None:
    """Granian does not say when it listens, so the first connection is ours."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(_LOOK_SECONDS)
            continue
        writer.close()
        tell()
        return
