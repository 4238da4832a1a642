"""Service connections through the published Python clients, old and new."""

from typing import Any

import pytest
from azure.devops.exceptions import AzureDevOpsServiceError

from tests.acceptance.client import PROJECT, Visitor


def endpoint(admin: Visitor, name: str) -> dict[str, Any]:
    project = admin.connection.clients_v7_1.get_core_client().get_project(PROJECT)
    return {
        "name": name,
        "type": "generic",
        "url": "https://monitor.example",
        "authorization": {
            "scheme": "UsernamePassword",
            "parameters": {"username": "quay", "password": "hunter2"},
        },
        "serviceEndpointProjectReferences": [
            {"projectReference": {"id": project.id, "name": PROJECT}, "name": name}
        ],
    }


@pytest.mark.parametrize("version", ["clients_v7_1", "clients_v7_0"])
def test_a_connection_is_added_read_changed_listed_and_removed(admin: Visitor, version: str):
    client = getattr(admin.connection, version).get_service_endpoint_client()
    name = f"By {version}"
    made = client.create_service_endpoint(endpoint(admin, name))
    assert made.is_ready
    read = client.get_service_endpoint_details(PROJECT, made.id)
    assert read.authorization.parameters == {"username": "quay", "password": None}
    assert [one.id for one in client.get_service_endpoints_by_names(PROJECT, [name])] == [made.id]
    read.description = "ours"
    assert client.update_service_endpoint(read, made.id).description == "ours"
    [many] = client.update_service_endpoints([read])
    assert many.id == made.id
    assert made.id in [one.id for one in client.get_service_endpoints(PROJECT, type="generic")]
    kinds = client.get_service_endpoint_types(type="github")
    assert [kind.name for kind in kinds] == ["github"]
    client.delete_service_endpoint(made.id, [PROJECT])
    with pytest.raises(AzureDevOpsServiceError, match="service connection"):
        client.get_service_endpoint_details(PROJECT, made.id)
