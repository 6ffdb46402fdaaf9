"""uvicorn's connections, which give up a peer that takes nothing: to close would be to wait for it."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

__all__ = ["HttpWire", "SocketWire"]

WRITE_SECONDS = 30.0
OF_HANDSHAKES = frozenset(
    {
        b"connection",
        b"host",
        b"sec-websocket-extensions",
        b"sec-websocket-key",
        b"sec-websocket-protocol",
        b"sec-websocket-version",
        b"upgrade",
    }
)


class Patience(asyncio.Protocol):
    """Drops the connection when what was written to it is not taken in time."""

    transport: asyncio.Transport
    patience: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self.patience = asyncio.get_running_loop().call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_waiting()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self.patience:
            self.patience.cancel()
            self.patience = None


class HttpWire(Patience, HttpToolsProtocol):
    """HTTP and server-sent events."""

    def handle_websocket_upgrade(self) -> None:
        """Refuses what wsproto 1.3 falls over: it reads these headers as ASCII, whatever they are."""
        if all(value.isascii() for name, value in self.headers if name in OF_HANDSHAKES):
            super().handle_websocket_upgrade()
        else:
            self.send_400_response("Invalid HTTP request received.")


class SocketWire(Patience, WSProtocol):
    """WebSockets. One that is full when the service stops, or whose peer is silent, is dropped at once."""

    def shutdown(self) -> None:
        super().shutdown()
        if self.patience:
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        self.transport.abort()
