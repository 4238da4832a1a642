"""Incoming webhooks: one address for GitHub, GitLab, Azure DevOps and plain deliveries.

The address is the published one of webhooks that are service connections of the type Incoming
WebHook. No token is needed: whoever delivers shows that they know the webhook's secret.
"""

from datetime import UTC, datetime

from litestar import Response, post
from litestar.params import FromPath

from quaymaster.actions.call import Call
from quaymaster.actions.triggers import webhooks
from quaymaster.apis.azure.asked import AzureRequest
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.shared.scopes import Scope
from quaymaster.apis.webhooks import reading

PATH = "/public/distributedtask/webhooks/{webhook:str}"
OF_RELEASES = "/public/release/receiveexternalevent/{webhook:str}"  # the same, by its published id
STRANGER = (
    "There is no incoming webhook of this name whose secret signed this delivery. Check the name "
    "in the address and the secret on both sides; nothing was kept."
)


@post([PATH, OF_RELEASES], opt=needs(Scope.PUBLIC))
async def take_delivery(request: AzureRequest, webhook: FromPath[str]) -> Response[bytes]:
    """Take a signed delivery in, once however often it comes; builds and releases follow."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    call = Call(request.asked.installation, now=datetime.now(UTC))
    found = reading.delivery(webhook, headers, await request.body())
    doors = await webhooks.doors(call, found)
    if not doors:
        raise Problem(401, "UnauthorizedRequestException", STRANGER)
    told = reading.read(found, headers)
    new = await webhooks.take_in(call, doors, told.delivery, told.pushes, told.pull_requests)
    return request.answer("webhookDelivery", {"pushes": len(told.pushes), "isNew": new > 0})


ROUTES = [take_delivery]
