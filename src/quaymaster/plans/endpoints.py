"""Service connections in the form in which jobs and artifact sources are given them."""

from quaymaster.domain.connections import ServiceConnection
from quaymaster.protocol.job import Endpoint


def endpoint(connection: ServiceConnection) -> Endpoint:
    """An opened connection with its secrets; it is never logged (SEMANTICS 18.4)."""
    return Endpoint(
        id=connection.id,
        name=connection.name,
        type=connection.type,
        url=connection.url,
        scheme=connection.scheme,
        parameters={**connection.parameters, **connection.secret_parameters},
        data={**connection.data, **connection.secret_data},
    )
