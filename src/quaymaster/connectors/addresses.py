"""Which addresses outgoing calls may reach, under the name by which connectors know it."""

from quaymaster.outgoing.addresses import AllowedAddresses, NotAllowed

__all__ = ["AllowedAddresses", "NotAllowed"]
