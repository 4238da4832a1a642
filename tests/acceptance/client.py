"""Somebody who works with the product through Microsoft's unmodified Python package."""

from typing import Any

import httpx
from azure.devops.connection import Connection
from msrest.authentication import BasicAuthentication, BasicTokenAuthentication

PROJECT = "Default"


class Visitor:
    """The client's own objects, signed in with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.url = f"{url}/default"
        self.token = token
        self.connection = Connection(base_url=self.url, creds=BasicAuthentication("", token))
        self.http = httpx.Client(auth=("", token))  # for what the package does not ask

    @property
    def releases(self) -> Any:
        """The release client of version 7.1."""
        return self.connection.clients_v7_1.get_release_client()

    @property
    def machines(self) -> Any:
        """The client of task groups and deployment groups, version 7.1."""
        return self.connection.clients_v7_1.get_task_agent_client()

    def with_version(self, version: str) -> Any:
        """The release client of another version, such as v7_0, or the `released` default."""
        name = "clients" if version == "released" else f"clients_{version}"
        return getattr(self.connection, name).get_release_client()

    def with_bearer(self) -> Any:
        creds = BasicTokenAuthentication({"access_token": self.token})
        return Connection(base_url=self.url, creds=creds).clients_v7_1.get_release_client()

    @property
    def id(self) -> str:
        location = self.connection.clients_v7_1.get_location_client()
        found: str = location.get_connection_data().authenticated_user.id
        return found
