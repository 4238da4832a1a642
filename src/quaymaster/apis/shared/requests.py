"""What the requests of every API have in common: how a body that breaks off or stalls is told."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import InternalServerException

from quaymaster.apis.shared.refusals import BadRequest, TooSlow

User = TypeVar("User")
Auth = TypeVar("Auth")

MOST_SILENT_SECONDS = 60.0
LONGEST_BODY_SECONDS = 300.0  # of a body that is kept in memory; an upload may take its time


class ReadableRequest(Request[User, Auth, State], Generic[User, Auth]):
    """A Litestar request for which a body that cannot be read is the sender's fault."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The pieces of the body. Raises BadRequest where it breaks off or has broken chunks, and
        TooSlow after a while without a byte: a sender whose machine is gone never says so (R-42).
        """
        pieces = aiter(super().stream())
        while True:
            try:
                async with asyncio.timeout(MOST_SILENT_SECONDS):
                    piece = await anext(pieces, None)
            except TimeoutError:
                text = f"Nothing came for {MOST_SILENT_SECONDS:g} seconds; send the body again."
                raise TooSlow(text) from None
            except InternalServerException as error:
                raise BadRequest(
                    "The body breaks off, or its chunks are not written as HTTP has them. Send it "
                    "again."
                ) from error
            if piece is None:
                return
            if piece:
                yield piece

    async def body(self) -> bytes:
        """The whole body. Raises as `stream`, and TooSlow for one that comes in drops."""
        try:
            async with asyncio.timeout(LONGEST_BODY_SECONDS):
                return await super().body()
        except TimeoutError:
            text = f"The body was not there after {LONGEST_BODY_SECONDS:g} seconds; send it again."
            raise TooSlow(text) from None
