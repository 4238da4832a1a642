"""Query Azure Monitor alerts: none may be active (SEMANTICS 10.5)."""

from urllib.parse import quote, urlencode

from quaymaster.connectors.server_tasks import signing_in
from quaymaster.connectors.server_tasks.asking import Asking, CannotRun
from quaymaster.connectors.server_tasks.verdicts import by_status, root_of
from quaymaster.outgoing.requests import WebRequest
from quaymaster.plans.connections import is_address
from quaymaster.protocol.job import Endpoint

CONNECTION = ("connectedServiceNameARM", "azureSubscription")
API_VERSION = "2018-05-05"
AUTHORITY = "https://login.microsoftonline.com/"
RESOURCE = "https://management.core.windows.net/"
MANAGEMENT = "https://management.azure.com/"
FILTERS = ("monitorCondition", "timeRange", "alertState", "severity")


async def run(asking: Asking) -> str:
    """Ask for the alerts of a resource group; one that is found fails the task.

    Why it failed; empty when it succeeded. Raises CannotRun, Unreachable.
    """
    endpoint = asking.connection(asking.text(*CONNECTION))
    token = await _token(asking, endpoint)
    headers = {signing_in.HEADER: f"Bearer {token}", "Accept": "application/json"}
    answer = await asking.ask(WebRequest("GET", _url(asking, endpoint), headers))
    if problem := by_status(answer):
        return problem
    root = root_of(answer)
    alerts = root.get("value") if isinstance(root, dict) else None
    if not isinstance(alerts, list):
        return "The answer is not a list of alerts."
    return f"There are {len(alerts)} active alerts." if alerts else ""


async def _token(asking: Asking, endpoint: Endpoint) -> str:
    """What the directory gives the service principal. Raises CannotRun, Unreachable."""
    tenant = signing_in.parameter(endpoint, "tenantid")
    principal = signing_in.parameter(endpoint, "serviceprincipalid")
    key = signing_in.parameter(endpoint, "serviceprincipalkey")
    if not (tenant and principal and key):
        raise CannotRun(
            f"The service connection {endpoint.name} must be one of Azure Resource Manager with a "
            "service principal and its key; other ways to sign in there cannot be used here."
        )
    authority = signing_in.datum(endpoint, "environmentAuthorityUrl") or AUTHORITY
    resource = signing_in.datum(endpoint, "activeDirectoryServiceEndpointResourceId") or RESOURCE
    form = {
        "grant_type": "client_credentials",
        "client_id": principal,
        "client_secret": key,
        "resource": resource,
    }
    url = f"{authority.rstrip('/')}/{quote(tenant, safe='')}/oauth2/token"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await asking.client.ask(WebRequest("POST", url, kind, urlencode(form).encode()))
    root = root_of(answer)
    token = root.get("access_token") if isinstance(root, dict) else None
    if by_status(answer) or not isinstance(token, str) or not token:
        raise CannotRun(
            f"The directory gave the service connection {endpoint.name} no token; its answer's "
            f"status is {answer.status}."
        )
    asking.masker.add(token)
    return token


def _url(asking: Asking, endpoint: Endpoint) -> str:
    subscription = signing_in.datum(endpoint, "subscriptionId")
    group = asking.text("ResourceGroupName")
    if not subscription:
        raise CannotRun(f"The service connection {endpoint.name} names no subscription.")
    place = f"/subscriptions/{quote(subscription, safe='')}"
    query = {"api-version": API_VERSION}
    if group:
        query["targetResourceGroup"] = group
    query |= {name: said for name in FILTERS if (said := asking.text(name))}
    chosen = asking.text("filterType").lower()
    inside = f"{place}/resourceGroups/{group}/providers"
    if chosen == "resource":
        query["targetResource"] = f"{inside}/{asking.text('resource')}"
    elif chosen == "alertrule":
        query["alertRule"] = f"{inside}/microsoft.insights/{asking.text('alertRule')}"
    base = endpoint.url if is_address(endpoint.url) else MANAGEMENT
    alerts = f"{place}/providers/Microsoft.AlertsManagement/alerts"
    return f"{base.rstrip('/')}{alerts}?{urlencode(query, quote_via=quote, safe='/,')}"
