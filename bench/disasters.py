"""What befalls a service and its clients: sockets are cut, replicas die, listeners are ended."""

import asyncio
import random
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stage import Stage

__all__ = ["CUTS", "DISASTERS", "Replicas"]

DEAF = (sys.executable, "-P", Path(__file__).with_name("deaf.py"))
STALLED = (0.05, 0.5)
"""Seconds for which a client reads nothing before it is cut, from and to."""
HALF_A_MESSAGE = b"\x81\xfe\x04\x00mask{"
"""The beginning of a frame of 1,024 bytes (RFC 6455, section 5.2)."""
END_LISTENERS = """
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'batch-studio hints'
"""


def _abort(transport: asyncio.Transport, _: random.Random) -> None:
    transport.abort()


def _abort_in_a_message_sent(transport: asyncio.Transport, _: random.Random) -> None:
    transport.write(HALF_A_MESSAGE)
    transport.abort()


def _abort_in_messages_received(transport: asyncio.Transport, dice: random.Random) -> None:
    """What the service sends meanwhile lies unread at the client, and is lost with the connection."""
    transport.pause_reading()
    asyncio.get_running_loop().call_later(dice.uniform(*STALLED), transport.abort)


CUTS = {
    "between messages": _abort,
    "in a message sent": _abort_in_a_message_sent,
    "in messages received": _abort_in_messages_received,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """Of the API, on one database, at fixed addresses; each hears half of its hints, as their worker does."""

    stage: Stage
    dice: random.Random
    addresses: Sequence[str]

    async def start_all(self) -> None:
        await self.stage.start("worker", *DEAF, "worker")
        for number in range(len(self.addresses)):
            await self.start(number)
        for address in self.addresses:
            await self.stage.until_ready(address)

    async def start(self, number: int) -> None:
        port = self.addresses[number].rpartition(":")[2]
        await self.stage.start(f"replica {number}", *DEAF, "serve", "--no-worker", port=port)

    async def kill(self) -> None:
        await self._restart(signal.SIGKILL)

    async def terminate(self) -> None:
        await self._restart(signal.SIGTERM)

    async def end_listeners(self) -> None:
        await self.stage.rows(END_LISTENERS)

    async def _restart(self, sent: signal.Signals) -> None:
        """One of them; the others are left to the clients until it is back."""
        number = self.dice.randrange(len(self.addresses))
        await self.stage.end(f"replica {number}", sent)
        await self.start(number)
        await self.stage.until_ready(self.addresses[number])


DISASTERS = {
    "kill -9": Replicas.kill,
    "SIGTERM": Replicas.terminate,
    "listeners ended": Replicas.end_listeners,
}
