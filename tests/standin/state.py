"""All that the stand-in knows and remembers."""

import time
from collections import Counter, deque
from dataclasses import asdict
from typing import Any

from starlette.requests import Request

from tests.standin.behaviour import Behaviour, Dice
from tests.standin.herald import Herald
from tests.standin.ledger import Ledger, Run, Window, fullest
from tests.standin.wares import MODELS, version_of

__all__ = ["StandIn"]


class StandIn:
    """Change its behaviour, ask its ledger, requests and stats; url is where it answers."""

    def __init__(self, seed: int = 0, **behaviour: Any) -> None:
        self.behaviour = Behaviour()
        self.url = ""
        self.herald = Herald(self.behaviour)
        self.reset(seed, **behaviour)

    def reset(self, seed: int = 0, **behaviour: Any) -> None:
        """Forgets everything and behaves well again, but for what is given."""
        self.herald.fall_silent()
        self.behaviour.change(asdict(Behaviour()) | behaviour)
        self.dice = Dice(self.behaviour, seed)
        self.ledger = Ledger()
        self.creations, self.reads = Window(), Window()
        self.counts: Counter[str] = Counter(reads=0, lists=0, throttled=0, uploads=0)
        self.asked: list[float] = []
        self.files: dict[str, tuple[str, bytes]] = {}
        self.versions = {version_of(name): name for name in MODELS}
        self.requests: deque[Request] = deque(maxlen=1000)

    @property
    def now(self) -> float:
        return time.time() + self.behaviour.ahead

    @property
    def stats(self) -> dict[str, Any]:
        told = {f"webhooks_{name}": count for name, count in self.herald.counts.items()}
        asked = {"asked": len(self.asked), "fullest_minute_asked": fullest(self.asked)}
        return {**self.counts, **told, **asked, **self.ledger.stats}

    def shown(self, run: Run) -> dict[str, Any]:
        """A run as it stands now."""
        return run.as_json(self.now, with_webhook=self.behaviour.list_webhooks)
