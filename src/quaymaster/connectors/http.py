"""The one client for outgoing HTTP, under the name by which connectors know it."""

from quaymaster.outgoing.http import GuardedClient

__all__ = ["GuardedClient"]
