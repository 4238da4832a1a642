"""Connections for dulwich that reach allowed addresses only (R-13)."""

import socket
from contextlib import suppress
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection

from quaymaster.outgoing.addresses import NotAllowed
from quaymaster.runner.repositories.addresses import CannotReach
from quaymaster.runner.repositories.reach import Errand, Reach


def checked_pool(reach: Reach, seconds: float) -> PoolManager:
    """A pool whose connections go to the address that was checked, whatever the name says next."""

    def connected(connection: HTTPConnection) -> socket.socket:
        name = connection.host
        port = connection.port or connection.default_port
        try:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            for entry in found:
                reach.allowed.check(name, str(entry[4][0]))
        except NotAllowed as error:
            raise CannotReach(str(error)) from None
        return socket.create_connection((str(found[0][4][0]), port), timeout=seconds)

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connected(self)

        def connect(self) -> None:
            super().connect()
            _end_with(reach.errand, self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connected(self)

        def connect(self) -> None:
            super().connect()
            _end_with(reach.errand, self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pool: Any = PoolManager(timeout=Timeout(seconds))
    pool.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    checked: PoolManager = pool
    return checked


def _end_with(errand: Errand | None, connection: HTTPConnection) -> None:
    """Have the connection closed under whoever waits for its next byte."""

    def end() -> None:
        if connection.sock is not None:
            with suppress(OSError):  # closed already
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    if errand is not None:
        errand.ends(end)
