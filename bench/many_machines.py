"""Many machines, one service: clients that hop between replicas are told everything once, in order.

    uv run python bench/many_machines.py [--seed 1] [--batches 6] [--images 60] [--cuts 100]

The cluster of bench/cluster.py makes batches of two users. Each batch is followed by three clients, whose
sockets are cut at random; each time they come back through the front, to another replica, with the last
cursor they saw. At the end each client's log is compared with the table. Exits with 1 on any breach.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import httpx
from cluster import APIS, WORKERS, Cluster, clustered
from followers import Follower, State
from service import free_port

USERS = 2
FOLLOWERS = 3
CUTS_APART = (0.01, 0.1)
"""Seconds between two cuts, from and to."""
STARTED = 25.0
MADE = 30.0
"""Seconds within which all is made and told."""
START = """
    mutation ($input: StartBatchInput!) {
      startBatch(input: $input) { batchId userErrors { message } }
    }
"""
TABLE = "select id::text, seq, status, saved from generations where batch_id = $1::uuid"
FINISHED = "select finished_at from batches where id = $1::uuid"
IMAGES = "select user_id, count(*) from images group by user_id"
WRITTEN = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, pg_database_size(current_database())"


@dataclass(slots=True, kw_only=True)
class Hopping:
    """Who follows what in the cluster, and how often they were made to hop."""

    cluster: Cluster
    dice: random.Random
    users: Sequence[UUID]
    followers: dict[str, list[Follower]] = field(default_factory=dict)
    cuts: int = 0
    log_bytes: int = 0
    table_bytes: int = 0

    async def begin(self, number: int, images: int) -> str:
        """A batch of one of the users, in turn."""
        user = self.users[number % USERS]
        token = self.cluster.stage.token(user)
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            answer = await client.post(
                f"{self.cluster.address}/graphql",
                json={"query": START, "variables": {"input": _wanted(number, images)}},
                headers={"authorization": f"Bearer {token}"},
            )
        batch_id = str(answer.json()["data"]["startBatch"]["batchId"])
        self.followers[batch_id] = [
            Follower(addresses=[self.cluster.address], token=token, dice=random.Random(self.dice.random()))
            for _ in range(FOLLOWERS)
        ]
        return batch_id

    async def cut(self, most: int) -> None:
        """One open socket after another; without an end, a slow machine would never come to one."""
        while self.cuts < most:
            await asyncio.sleep(self.dice.uniform(*CUTS_APART))
            sockets = [each.socket for group in self.followers.values() for each in group if each.socket]
            if sockets:
                self.dice.choice(sockets).transport.abort()
                self.cuts += 1


def _wanted(number: int, images: int) -> dict[str, object]:
    return {
        "title": f"Hop {number}",
        "templates": [{"name": "Numbered", "prompt": f"batch {number}, number {{{{number}}}}"}],
        "variables": {"number": list(range(images))},
        "parameters": {"width": 64, "height": 64, "seconds": 0.5},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--images", type=int, default=60, help="of each batch")
    parser.add_argument("--cuts", type=int, default=100, help="at most, while the batches run")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    try:
        sys.exit(asyncio.run(_bounded(parser.parse_args())))
    except TimeoutError:
        sys.exit("BREACH: not all was made and told in time.")


async def _bounded(given: argparse.Namespace) -> int:
    print(f"Seed {given.seed}: {given.batches} batches of {given.images}.", flush=True)
    dice = random.Random(given.seed)
    users = [UUID(int=dice.getrandbits(128), version=4) for _ in range(USERS)]
    async with asyncio.timeout(STARTED + MADE), clustered(free_port()) as cluster:
        print("  the cluster is ready", flush=True)
        hopping = Hopping(cluster=cluster, dice=dice, users=users)
        began = time.monotonic()
        await _run(hopping, given)
        seconds = time.monotonic() - began
        images = given.batches * given.images
        findings = await _findings(hopping, images)
        print("\n".join(["", *_said(findings), "", *await _figures(hopping, images), f"{seconds:.0f} s"]))
        return 1 if any(findings.values()) else 0


async def _run(hopping: Hopping, given: argparse.Namespace) -> None:
    """Until every stream has completed; counts what PostgreSQL wrote meanwhile."""
    before = await _written(hopping)
    cutting = asyncio.create_task(hopping.cut(given.cuts))
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(given.batches):
                batch_id = await hopping.begin(number, given.images)
                for follower in hopping.followers[batch_id]:
                    group.create_task(follower.follow(batch_id))
    finally:
        cutting.cancel()
    after = await _written(hopping)
    hopping.log_bytes, hopping.table_bytes = (late - early for early, late in zip(before, after, strict=True))


async def _written(hopping: Hopping) -> tuple[int, int]:
    """Bytes of PostgreSQL's log, and of the database, so far."""
    log, tables = (await hopping.cluster.stage.rows(WRITTEN))[0]
    return log, tables


async def _findings(hopping: Hopping, images: int) -> dict[str, int]:
    """What must not be, and how often it was."""
    cluster, found = hopping.cluster, Counter[str]()
    for batch_id, group in hopping.followers.items():
        rows = await cluster.stage.rows(TABLE, batch_id)
        table = {id: State(seq, status, saved) for id, seq, status, saved in rows}
        for log in (follower.logs[batch_id] for follower in group):
            found["lost"] += log.lost(table)
            found["doubled"] += log.doubled
            found["out of order"] += log.out_of_order
            found["failed"] += len(log.errors) + (not log.finished)
    saved = dict(await cluster.stage.rows(IMAGES))
    return {
        "last states lost": found["lost"],
        "cursors doubled": found["doubled"],
        "cursors out of order": found["out of order"],
        "streams that failed or ended early": found["failed"],
        "images missing from their owner's history": images
        - sum(saved.get(user, 0) for user in hopping.users),
        "replicas that no client came to": APIS - len(cluster.front.carried),
        "processes without hints": APIS + WORKERS - (await _nats(cluster))["connections"],
    }


def _said(findings: Mapping[str, int]) -> Iterator[str]:
    for what, count in findings.items():
        yield f"  {what:<44}{count:>9,}   {'BREACH' if count else 'ok'}"


async def _figures(hopping: Hopping, images: int) -> list[str]:
    late = sorted([seconds async for seconds in _delays(hopping)])
    carried, nats = hopping.cluster.front.carried, await _nats(hopping.cluster)
    return [
        f"{hopping.cuts} cuts; connections to each replica: {', '.join(map(str, carried.values()))}",
        f"NATS took {nats['in_msgs']:,} messages of hints and handed out {nats['out_msgs']:,}",
        f"streams ended after their batch: p50 {late[len(late) // 2]:.2f} s, slowest {late[-1]:.2f} s",
        f"PostgreSQL wrote {hopping.log_bytes / images / 1000:.1f} kB of its log an image, "
        f"{hopping.table_bytes / images / 1000:.1f} kB of tables",
    ]


async def _delays(hopping: Hopping) -> AsyncIterator[float]:
    """Seconds from each batch's end to the ends of its streams."""
    for batch_id, group in hopping.followers.items():
        finished_at = (await hopping.cluster.stage.rows(FINISHED, batch_id))[0][0]
        for follower in group:
            yield (follower.logs[batch_id].completed_at - finished_at).total_seconds()


async def _nats(cluster: Cluster) -> Mapping[str, int]:
    """The NATS server's figures, as of now."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(cluster.nats_figures)).json()


if __name__ == "__main__":
    main()
