"""What the requests of every API have in common: how a body that breaks off is told."""

from collections.abc import AsyncGenerator
from typing import Generic, TypeVar

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import InternalServerException

from quaymaster.apis.shared.refusals import BadRequest

User = TypeVar("User")
Auth = TypeVar("Auth")


class ReadableRequest(Request[User, Auth, State], Generic[User, Auth]):
    """A Litestar request for which a body that cannot be read is the sender's fault."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The pieces of the body. Raises BadRequest where it breaks off or has broken chunks."""
        try:
            async for piece in super().stream():
                yield piece
        except InternalServerException as error:
            raise BadRequest(
                "The body breaks off, or its chunks are not written as HTTP has them. Send it "
                "again."
            ) from error
