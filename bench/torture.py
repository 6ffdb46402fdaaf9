"""Nothing lost, doubled or out of order: clients whose sockets are cut at random while replicas die.

    uv run python bench/torture.py [--seed 1] [--cuts 1000] [--clients 100] [--images 100]

Two replicas of the API and a worker share a database. Each client follows its user's batches, from whichever
replica it finds, and goes on from the last cursor it saw. Meanwhile sockets are cut, some in the middle of a
message; a replica is killed or told to end, and started again; the connections that listen for hints are
ended; and of the hints that a process gets, half are dropped. At the end each client's log is compared with
the table. Exits with 1 on any breach.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import httpx
from disasters import CUTS, DISASTERS, Replicas
from followers import Follower, Log, State
from service import free_port
from stage import Stage, staged

CLIENTS_OF_A_USER = 5
REPLICAS = 2
CUTS_APART = (0.02, 0.12)
"""Seconds between two cuts, from and to."""
DISASTERS_APART = (0.5, 2.0)
DRAINED = 120.0
"""Seconds after the last cut for every stream to complete; what one lacks by then is lost."""
STARTED = 120.0
LOOK = 0.1
START = """
    mutation ($input: StartBatchInput!) {
      startBatch(input: $input) { batchId userErrors { message } }
    }
"""
CANCEL = "mutation ($id: ID!) { cancelBatch(id: $id) { userErrors { message } } }"
UNFINISHED = "select id, user_id from batches where finished_at is null"
FINISHED = "select id::text, finished_at from batches"
TABLE = "select id::text, seq, status, saved from generations where batch_id = $1::uuid"


@dataclass(slots=True, kw_only=True)
class Torture:
    """Who follows what at the replicas, and what has befallen them."""

    stage: Stage
    dice: random.Random
    replicas: Replicas
    users: dict[UUID, list[Follower]] = field(default_factory=dict)
    batches: dict[str, UUID] = field(default_factory=dict)
    cuts: Counter[str] = field(default_factory=Counter)
    disasters: Counter[str] = field(default_factory=Counter)
    enough: bool = False

    @property
    def followers(self) -> list[Follower]:
        return [follower for group in self.users.values() for follower in group]

    async def ask(self, user: UUID, query: str, **variables: object) -> httpx.Response:
        """Of a replica that answers; what is asked must bear to be asked again."""
        headers = {"authorization": f"Bearer {self.stage.token(user)}"}
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            while True:
                try:
                    return await client.post(
                        f"{self.dice.choice(self.replicas.addresses)}/graphql",
                        json={"query": query, "variables": variables},
                        headers=headers,
                    )
                except httpx.HTTPError:
                    await asyncio.sleep(LOOK)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--clients", type=int, default=100, help=f"{CLIENTS_OF_A_USER} of a user")
    parser.add_argument("--images", type=int, default=100, help="of each batch")
    parser.add_argument("--keep", type=Path, help="a folder for the logs of the processes")
    sys.exit(asyncio.run(_bounded(parser.parse_args())))


async def _bounded(given: argparse.Namespace) -> int:
    print(
        f"Seed {given.seed}: {given.clients} clients, batches of {given.images}, {given.cuts} cuts.",
        flush=True,
    )
    bound = STARTED + given.cuts * CUTS_APART[1] + DRAINED
    async with asyncio.timeout(bound), _torture(given) as torture:
        began = time.monotonic()
        await _run(torture, given)
        seconds = time.monotonic() - began
        breaches = await _judge(torture)
        print("\n".join([*_figures(torture), await _ends(torture), f"{seconds:.0f} s"]))
    return 1 if breaches else 0


@asynccontextmanager
async def _torture(given: argparse.Namespace) -> AsyncIterator[Torture]:
    dice = random.Random(given.seed)
    addresses = [f"http://127.0.0.1:{free_port()}" for _ in range(REPLICAS)]
    async with staged(given.keep) as stage:
        replicas = Replicas(stage=stage, dice=random.Random(dice.random()), addresses=addresses)
        torture = Torture(stage=stage, dice=dice, replicas=replicas)
        for _ in range(given.clients // CLIENTS_OF_A_USER):
            user = UUID(int=dice.getrandbits(128), version=4)
            torture.users[user] = [
                Follower(addresses=addresses, token=stage.token(user), dice=random.Random(dice.random()))
                for _ in range(CLIENTS_OF_A_USER)
            ]
        await replicas.start_all()
        yield torture


async def _run(torture: Torture, given: argparse.Namespace) -> None:
    """Cuts and disasters, then peace until all have caught up."""
    using = [asyncio.create_task(_use(torture, user, given.images)) for user in torture.users]
    async with asyncio.TaskGroup() as group:
        group.create_task(_cut(torture, given.cuts, random.Random(torture.dice.random())))
        group.create_task(_disasters(torture, random.Random(torture.dice.random())))
    print("  no more cuts; waiting for the rest", flush=True)
    await _cancel_half(torture)
    caught_up, late = await asyncio.wait(using, timeout=DRAINED)
    for task in caught_up:
        task.result()
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def _use(torture: Torture, user: UUID, images: int) -> None:
    """One batch after another, each followed by all clients of the user to its end."""
    while not torture.enough:
        batch_id = await _begin(torture, user, images)
        torture.batches[batch_id] = user
        await asyncio.gather(*(follower.follow(batch_id) for follower in torture.users[user]))


async def _begin(torture: Torture, user: UUID, images: int) -> str:
    number = len(torture.batches)
    wanted = {
        "title": f"Torture {number}",
        "templates": [{"name": "Numbered", "prompt": f"batch {number}, number {{{{number}}}}"}],
        "variables": {"number": list(range(images))},
        "parameters": {"width": 64, "height": 64, "seconds": 0.2},
        "idempotencyKey": f"torture {torture.dice.random()}",
    }
    answer = (await torture.ask(user, START, input=wanted)).json()
    if "errors" in answer or answer["data"]["startBatch"]["userErrors"]:
        raise SystemExit(f"A batch was refused: {answer}")
    return str(answer["data"]["startBatch"]["batchId"])


async def _cut(torture: Torture, cuts: int, dice: random.Random) -> None:
    """Cuts so many open sockets, and more until every kind of disaster has come."""
    while torture.cuts.total() < cuts or len(torture.disasters) < len(DISASTERS):
        await asyncio.sleep(dice.uniform(*CUTS_APART))
        connected = [follower for follower in torture.followers if follower.socket]
        if not connected:
            continue
        kind = dice.choice(list(CUTS))
        torture.cuts[kind] += 1
        CUTS[kind](dice.choice(connected).socket.transport, dice)
        if torture.cuts.total() % 100 == 0:
            print(f"  {torture.cuts.total()} cuts, {len(torture.batches)} batches", flush=True)
    torture.enough = True


async def _disasters(torture: Torture, dice: random.Random) -> None:
    """One after another, each kind in turn, as long as sockets are cut."""
    while not torture.enough:
        for kind in dice.sample(list(DISASTERS), len(DISASTERS)):
            await asyncio.sleep(dice.uniform(*DISASTERS_APART))
            await DISASTERS[kind](torture.replicas)
            torture.disasters[kind] += 1
            if torture.enough:
                return


async def _cancel_half(torture: Torture) -> None:
    """Of the batches under way: so many changes in one transaction, and not all end alike."""
    for batch_id, user_id in (await torture.stage.rows(UNFINISHED))[::2]:
        await torture.ask(user_id, CANCEL, id=str(batch_id))


async def _judge(torture: Torture) -> int:
    """Prints what was promised and what was found; returns how many promises are broken."""
    found = Counter[str]()
    for batch_id, user in torture.batches.items():
        rows = await torture.stage.rows(TABLE, batch_id)
        table = {id: State(seq, status, saved) for id, seq, status, saved in rows}
        for follower in torture.users[user]:
            _add_findings(found, follower.logs[batch_id], table)
    print()
    for what in FINDINGS:
        print(f"  {what:<44}{found[what]:>9,}   {'BREACH' if found[what] else 'ok'}")
    return found.total()


FINDINGS = (
    "last states lost",
    "cursors doubled",
    "cursors out of order",
    "streams that failed or ended early",
)


def _add_findings(found: Counter[str], log: Log, table: dict[str, State]) -> None:
    lost, doubled, out_of_order, failed = FINDINGS
    found[lost] += log.lost(table)
    found[doubled] += log.doubled
    found[out_of_order] += log.out_of_order
    found[failed] += len(log.errors) + (log.completed_at is not None and not log.finished)


def _figures(torture: Torture) -> list[str]:
    logs = [log for follower in torture.followers for log in follower.logs.values()]
    updates = sum(len(log.seqs) for log in logs)
    states = Counter(state.status for log in logs for state in log.last.values())
    broken = sum((follower.broken for follower in torture.followers), Counter())
    return [
        "",
        f"{torture.cuts.total():,} cuts: {_listed(torture.cuts)}",
        f"{torture.disasters.total()} disasters: {_listed(torture.disasters)}",
        f"connections that failed, as clients saw it: {_listed(broken)}",
        f"{len(torture.batches)} batches, {updates:,} updates in {len(logs)} logs",
        f"last states: {_listed(states)}",
    ]


async def _ends(torture: Torture) -> str:
    """How long after the end of a batch its streams completed."""
    finished = dict(await torture.stage.rows(FINISHED))
    seconds = sorted(
        (log.completed_at - finished[batch_id]).total_seconds()
        for follower in torture.followers
        for batch_id, log in follower.logs.items()
        if log.completed_at and finished[batch_id]
    ) or [0.0]
    return (
        f"streams completed after the end of their batch: p50 {seconds[len(seconds) // 2]:.2f} s, "
        f"slowest {seconds[-1]:.2f} s"
    )


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.most_common()) or "none"


if __name__ == "__main__":
    main()
