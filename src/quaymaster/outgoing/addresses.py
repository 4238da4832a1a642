"""Which addresses outgoing calls may reach: public ones, and those that the operator allowed."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

# IPv6 ways of writing an IPv4 address, with the lowest bit of it: NAT64 (RFC 6052), 6to4.
_TRANSLATED = (
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)


class NotAllowed(Exception):
    """An address that outgoing calls may not reach; the text names it and the setting."""


@dataclass(frozen=True, slots=True)
class AllowedAddresses:
    """What QUAYMASTER_ALLOWED_ADDRESSES allows besides public addresses: networks and hosts."""

    networks: tuple[str, ...] = ()
    hosts: frozenset[str] = frozenset()

    @staticmethod
    def of(entries: tuple[str, ...]) -> "AllowedAddresses":
        """From entries such as 10.0.0.0/8, ::1 or monitor.internal. Raises ValueError."""
        networks, hosts = [], set()
        for entry in entries:
            try:
                networks.append(str(ip_network(entry, strict=False)))
            except ValueError:
                if "/" in entry or not _is_host(entry):
                    raise ValueError(
                        f"'{entry}' is neither a network, such as 10.0.0.0/8, nor a host name"
                    ) from None
                hosts.add(entry.casefold())
        return AllowedAddresses(tuple(networks), frozenset(hosts))

    def check(self, host: str, address: str) -> None:
        """Raise NotAllowed unless `host`, which is at this address, may be called (R-13)."""
        found = ip_address(address.partition("%")[0])
        if host.casefold() in self.hosts or any(_is_in(found, each) for each in self.networks):
            return
        inner = _inner(found)
        if not _is_public(found) or (inner is not None and not _is_public(inner)):
            raise NotAllowed(
                f"{host} is at {found}, which is not a public address. An operator can allow it "
                "with QUAYMASTER_ALLOWED_ADDRESSES."
            )


def _is_in(address: Address, network: str) -> bool:
    meant = ip_network(network)
    inner = _inner(address)
    return address in meant or (inner is not None and inner in meant)


def _inner(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped:
        return address.ipv4_mapped
    for network, shift in _TRANSLATED:
        if address in network:
            return IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return None


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address.ipv4_mapped or address.is_site_local):
        return address.ipv4_mapped is not None  # judged by what it stands for
    refused = (address.is_multicast, address.is_reserved, address.is_unspecified)
    return address.is_global and not any(refused)


def _is_host(entry: str) -> bool:
    parts = entry.split(".")
    return all(part and part.replace("-", "").replace("_", "").isalnum() for part in parts)
