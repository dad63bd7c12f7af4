"""By which names browsers may reach this server, and whether a request is from Segue's own page.

A page elsewhere can let its own name point to this machine, and then talk with what listens here as with itself. Its
requests carry that name, which is how they are told. Programs are not asked: nobody makes them come here unknowingly.
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from segue.errors import Forbidden

_BROWSER = ("origin", "cookie", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest")
"""What browsers send, and pages cannot keep them from sending."""


def check_host(request: HTTPConnection, hosts: Collection[str]) -> None:
    """Refuse what a browser asks of a name that is not this server's. `hosts` are its names beside this machine's own.

    Raises:
        Forbidden: the name is another.
    """
    if "*" in hosts or not any(name in request.headers for name in _BROWSER):
        return
    name = host_name(request.headers.get("host", ""))
    if not _is_own(name) and name not in {each.lower().rstrip(".") for each in hosts}:
        raise Forbidden(f"This server has not the name {name!r}; if it should, add that to the setting access.hosts.")


def host_name(host: str) -> str:
    """The name in a `Host` header, in lower case and without port; empty where there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def same_page(request: HTTPConnection) -> bool:
    """Whether a browser says that a request is from a page of this very server.

    Browsers say so by themselves in `Sec-Fetch-Site`; where they leave it out, as on plain HTTP, by `Origin`.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = request.headers.get("origin", ""), request.headers.get("host")
    return host is not None and origin.partition("://")[2].lower() == host.lower()


def _is_own(name: str) -> bool:
    """Whether this is an address, or a name that means this machine wherever it is asked."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
