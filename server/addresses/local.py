"""POST /local/token: in local mode the browser on this machine is the local user, without a login."""

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["LocalToken"]


class LocalToken:
    """Hands out a token, to this machine's own pages alone.

    A page elsewhere can reach a loopback address by DNS rebinding, but then its Host or its Origin is
    not ours.
    """

    def __init__(self, issue: Callable[[], str], own_hosts: frozenset[str]) -> None:
        self.issue = issue
        self.own_hosts = own_hosts

    async def post(self, request: Request) -> Response:
        if not self._from_own_page(request):
            return JSONResponse({"error": "This address is for this service's own pages."}, 403)
        return JSONResponse({"token": self.issue()}, headers={"cache-control": "no-store"})

    def _from_own_page(self, request: Request) -> bool:
        client = request.client
        origin = urlsplit(request.headers.get("origin", ""))
        return (
            client is not None
            and ip_address(client.host).is_loopback
            and request.headers.get("host") in self.own_hosts
            and origin.scheme in {"http", "https"}
            and origin.netloc in self.own_hosts
        )
