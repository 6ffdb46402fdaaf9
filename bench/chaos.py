"""Nothing lost, doubled or paid twice: kill -9 at random while batches run against a bad provider.

    uv run python bench/chaos.py --kills 40 [--seed 1] [--batches 2] [--images 300]

Two workers and an API are killed and started again, each kill at a moment that the seed decides, while a
stand-in for Replicate loses answers, refuses calls and mistreats webhooks. PostgreSQL lives on. Batches
are begun as long as kills remain; at the end everything that was to be made is compared with what is
there. Exits with 1 on any breach.

Of the project only what never imports `engine` is imported here: this folder comes first on the path,
and has a file of that name.
"""

import argparse
import asyncio
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import jwt
from service import free_port, is_setting, temporary_folder

from server.embedded import embedded_postgres

ROOT = Path(__file__).parent.parent
TROUBLE = {
    "lost": 0.1,
    "error": 0.03,
    "error-after": 0.02,
    "throttled": 0.05,
    "garbage": 0.03,
    "webhook-lost": 0.2,
    "webhook-doubled": 0.2,
    "webhook-late": 0.2,
    "seconds": 0.5,
    "retry-after": 0.2,
}
SETTINGS = {
    "WEBHOOKS": "on",
    "MODELS": "black-forest-labs/flux-schnell",
    "CREATES_PER_MINUTE": "1800",
    # How long a list that does not show a run proves nothing. By default a minute, for Replicate's may be
    # behind. The stand-in's never is, and a run of minutes cannot wait a minute for each lost call.
    "SETTLE_SECONDS": "5",
}
VICTIMS = (("worker 1",), ("worker 2",), ("worker 1", "worker 2"), ("api",))
PAUSE = (0.5, 7.5)
"""Seconds between two kills, from and to."""
USERS = 2
PLENTY = 100
"""Images of a user that are still to be made when the next batch is begun, so that each kill meets work."""
THUMBNAIL = re.compile(r"\.\d+\.webp$")
"""What a smaller copy's name has at its end, after the name of the picture."""
RESUMED = 15.0
DRAINED = 120.0
EMPTIED = 60.0
"""Seconds for the jobs that are left once all images are saved."""
LOOK = 0.1
START = """
    mutation ($input: StartBatchInput!) {
      startBatch(input: $input) { batchId userErrors { message } }
    }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One kill -9, of one process or two. saved: how many images there were right after it."""

    victims: Sequence[str]
    at: float
    moment: datetime
    saved: int
    under_way: frozenset[UUID]


@dataclass(slots=True, kw_only=True)
class Chaos:
    """A service in three processes, who uses it, and what has befallen it."""

    dice: random.Random
    folder: Path
    environment: Mapping[str, str]
    address: str
    secret: str
    database: asyncpg.Connection
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    saves: list[tuple[float, int]] = field(default_factory=list)
    batches: int = 0
    enough: bool = False

    async def rows(self, query: str, *parameters: Any) -> list[asyncpg.Record]:
        async with self.lock:
            return await self.database.fetch(query, *parameters)

    async def start(self, name: str) -> None:
        """What it prints is kept in the folder."""
        command = COMMANDS[name.partition(" ")[0]]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                *command, cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """One of them, or both workers, dies; another is started at once."""
        victims = self.dice.choice(VICTIMS)
        for name in victims:
            process = self.processes[name]
            if process.returncode is not None:
                raise SystemExit(f"{name} ended by itself, with {process.returncode}.")
            process.kill()
        at, moment = time.monotonic(), datetime.now(UTC)
        for name in victims:
            await self.processes[name].wait()
        saved = (await self.rows(SAVED))[0][0]
        under_way = frozenset(row[0] for row in await self.rows(UNDER_WAY))
        kill = Kill(victims=victims, at=at, moment=moment, saved=saved, under_way=under_way)
        self.kills.append(kill)
        for name in victims:
            await self.start(name)

    async def watch(self) -> None:
        """Notes when images are saved, for as long as it is let."""
        while True:
            saved = (await self.rows(SAVED))[0][0]
            if not self.saves or self.saves[-1][1] != saved:
                self.saves.append((time.monotonic(), saved))
            await asyncio.sleep(LOOK)

    def resumed(self, kill: Kill) -> float | None:
        """Seconds from a kill to the next image; None where the next kill came first, and counts instead."""
        after = next((at for at, saved in self.saves if saved > kill.saved), float("inf"))
        killed_again = any(kill.at < other.at < after for other in self.kills)
        return None if killed_again else after - kill.at

    def resumes(self) -> list[float]:
        """From the quickest to the slowest."""
        return sorted(each for each in map(self.resumed, self.kills) if each is not None) or [0.0]

    async def begin(self, user: UUID, images: int) -> None:
        """A batch of this user's; asked again with the same key while the API is away."""
        self.batches += 1
        wanted = {
            "title": f"Chaos {self.batches}",
            "templates": [{"name": "Numbered", "prompt": f"batch {self.batches}, number {{{{number}}}}"}],
            "variables": {"number": list(range(images))},
            "idempotencyKey": f"chaos {self.batches}",
        }
        answer = None
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            while answer is None:
                with suppress(httpx.HTTPError):
                    answer = await client.post(
                        f"{self.address}/graphql",
                        json={"query": START, "variables": {"input": wanted}},
                        headers={"authorization": f"Bearer {self.token(user)}"},
                    )
                await asyncio.sleep(LOOK)
        body = answer.json()
        if answer.is_error or "errors" in body or body["data"]["startBatch"]["userErrors"]:
            raise SystemExit(f"A batch was refused: {body}")

    def token(self, user: UUID) -> str:
        claims = {"sub": str(user), "role": "authenticated", "aud": "authenticated"}
        return jwt.encode(claims | {"exp": int(time.time()) + 3600}, self.secret, algorithm="HS256")


PROGRAM = str(Path(sys.executable).with_name("batch-studio"))
COMMANDS = {"worker": (PROGRAM, "worker"), "api": (PROGRAM, "serve", "--no-worker")}
SAVED = "select count(*) from generations where saved"
UNDER_WAY = "select id from generations where status in ('RUNNING', 'SAVING')"
TO_DO = """
    select count(*) from generations
    where user_id = $1 and not saved and status not in ('FAILED', 'CANCELED')
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--batches", type=int, default=2, help="how many to begin with, by two users in turn")
    parser.add_argument("--images", type=int, default=300, help="of each batch")
    parser.add_argument("--keep", type=Path, help="a folder for the logs of the processes")
    sys.exit(asyncio.run(_bounded(parser.parse_args())))


async def _bounded(given: argparse.Namespace) -> int:
    print(f"Seed {given.seed}, {given.kills} kills, batches of {given.images}.", flush=True)
    async with asyncio.timeout(120 + PAUSE[1] * given.kills + DRAINED + EMPTIED):
        async with _chaos(given) as chaos, httpx.AsyncClient(trust_env=False) as client:
            began = time.monotonic()
            drained = await _run(chaos, given)
            stats = (await client.get(f"{chaos.environment['BATCH_STUDIO_REPLICATE_URL']}/stats")).json()
            breaches = _print(await _findings(chaos, given, stats))
            print("\n".join(await _figures(chaos, stats, drained, time.monotonic() - began)))
    return 1 if breaches else 0


async def _run(chaos: Chaos, given: argparse.Namespace) -> float:
    """Kills while there is work; returns the seconds that the rest took after the last kill."""
    users = [UUID(int=chaos.dice.getrandbits(128), version=4) for _ in range(USERS)]
    for name in ("api", "worker 1", "worker 2"):
        await chaos.start(name)
    for number in range(given.batches):
        await chaos.begin(users[number % USERS], given.images)
    watching = asyncio.create_task(chaos.watch())
    working = asyncio.create_task(_keep_busy(chaos, users, given.images))
    try:
        await _until_saved(chaos, 1)
        while len(chaos.kills) < given.kills:
            await asyncio.sleep(chaos.dice.uniform(*PAUSE))
            await chaos.kill()
            if len(chaos.kills) % 5 == 0:
                print(f"  {len(chaos.kills)} kills, {chaos.saves[-1][1]:,} images", flush=True)
        chaos.enough = True
        await working
        return await _drained(chaos)
    finally:
        working.cancel()
        watching.cancel()


async def _keep_busy(chaos: Chaos, users: Sequence[UUID], images: int) -> None:
    """Another batch for whoever has little left."""
    while not chaos.enough:
        for user in users:
            if (await chaos.rows(TO_DO, user))[0][0] < PLENTY:
                await chaos.begin(user, images)
        await asyncio.sleep(LOOK)


async def _until_saved(chaos: Chaos, count: int) -> None:
    while not chaos.saves or chaos.saves[-1][1] < count:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(LOOK)


async def _drained(chaos: Chaos) -> float:
    began = time.monotonic()
    print("  no more kills; waiting for the rest", flush=True)
    await _until_none(chaos, "select count(*) from batches where finished_at is null", DRAINED)
    seconds = time.monotonic() - began
    await _until_none(chaos, QUERIES["jobs left"], EMPTIED)
    return seconds


async def _until_none(chaos: Chaos, query: str, seconds: float) -> None:
    """Or until so many seconds are over: what is left is a finding."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await chaos.rows(query))[0][0]:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(LOOK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was counted, and what it must be; at_most says that less is as good."""

    what: str
    found: float
    wanted: float
    at_most: bool = False

    @property
    def breach(self) -> bool:
        return self.found > self.wanted if self.at_most else self.found != self.wanted


QUERIES = {
    "generations lost (not succeeded and saved)": """
        select count(*) from generations where status <> 'SUCCEEDED' or not saved
    """,
    "generations with no image": """
        select count(*) from generations g where not exists (select from images where generation_id = g.id)
    """,
    "images beyond one a generation": """
        select coalesce(sum(n - 1), 0)::bigint from (
            select count(*) as n from images group by generation_id having count(*) > 1
        ) doubled
    """,
    "batches whose counters are not their rows": """
        select count(*) from batches b
        left join lateral (
            select count(*) as total,
                   count(*) filter (where status in ('QUEUED', 'THROTTLED')) as queued,
                   count(*) filter (where status in ('RUNNING', 'SAVING')) as running,
                   count(*) filter (where status = 'SUCCEEDED') as succeeded,
                   count(*) filter (where status = 'FAILED') as failed,
                   count(*) filter (where status = 'CANCELED') as canceled,
                   count(*) filter (where saved) as saved,
                   count(*) filter (
                       where status = 'SUCCEEDED' and not saved and retry_at is not null
                   ) as unsaved,
                   max(seq) as seq
            from generations where batch_id = b.id
        ) g on true
        where (b.total, b.queued, b.running, b.succeeded, b.failed, b.canceled, b.saved, b.unsaved)
              is distinct from
              (g.total, g.queued, g.running, g.succeeded, g.failed, g.canceled, g.saved, g.unsaved)
           or b.seq < g.seq or b.finished_at is null
    """,
    "calls left open": """
        select count(*) from studio.attempts where outcome = 'asked' and prediction_id is null
    """,
    # The purge of the trash is always due again.
    "jobs left": """
        select count(*) from pgq.pgqueuer where status in ('queued', 'picked') and entrypoint <> 'purge'
    """,
}


async def _findings(chaos: Chaos, given: argparse.Namespace, stats: Mapping[str, Any]) -> list[Finding]:
    wanted = chaos.batches * given.images
    generations = (await chaos.rows("select count(*) from generations"))[0][0]
    found = [Finding(what="generations", found=generations, wanted=wanted)]
    for what, query in QUERIES.items():
        found.append(Finding(what=what, found=(await chaos.rows(query))[0][0], wanted=0))
    keys = {row[0] for row in await chaos.rows("select url from images")}
    files = {
        path.relative_to(chaos.folder / "data/files").as_posix()
        for path in (chaos.folder / "data/files").rglob("*")
        if path.is_file()
    }
    pictures = {THUMBNAIL.sub("", file) for file in files}
    return [
        *found,
        Finding(what="images without their file", found=len(keys - files), wanted=0),
        Finding(what="pictures stored without an image", found=len(pictures - keys), wanted=0),
        Finding(what="created twice (the provider's count)", found=stats["duplicates"], wanted=0),
        Finding(what="calls made twice", found=stats["repeated_webhooks"], wanted=0),
        Finding(what="runs at the provider", found=stats["created"], wanted=wanted),
        Finding(
            what="slowest resume, seconds", found=round(chaos.resumes()[-1], 1), wanted=RESUMED, at_most=True
        ),
    ]


def _print(findings: Sequence[Finding]) -> int:
    """Returns how many are breaches."""
    print()
    for each in findings:
        wanted = f"at most {each.wanted:g}" if each.at_most else f"{each.wanted:,}"
        verdict = "BREACH" if each.breach else "ok"
        print(f"  {each.what:<44}{each.found:>9,}   of {wanted:<12}{verdict}")
    return sum(each.breach for each in findings)


async def _figures(chaos: Chaos, stats: Mapping[str, Any], drained: float, seconds: float) -> list[str]:
    resumes = chaos.resumes()
    ends = {row[0]: row[1] for row in await chaos.rows("select id, finished_at from generations")}
    last = max(
        (
            (ends[id] - kill.moment).total_seconds()
            for kill in chaos.kills
            for id in kill.under_way
            if ends.get(id)
        ),
        default=0.0,
    )
    victims = _listed(Counter(" + ".join(kill.victims) for kill in chaos.kills))
    return [
        "",
        f"{len(chaos.kills)} kills: {victims}",
        f"resumed after p50 {resumes[len(resumes) // 2]:.1f} s; what was under way at a kill was made "
        f"within {last:.1f} s of it",
        f"{stats['asked']:,} calls asked for {stats['created']:,} runs; {chaos.batches} batches in "
        f"{seconds:.0f} s, {drained:.0f} s of them after the last kill",
        f"logged: {_listed(_logged(chaos.folder))}",
    ]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "nothing"


def _logged(folder: Path) -> Counter[str]:
    """What the processes have logged, and the names of the errors in their tracebacks."""
    words: Counter[str] = Counter()
    for path in (*folder.glob("api.log"), *folder.glob("worker*.log")):
        for line in path.read_text(errors="replace").splitlines():
            for word in LOGGED:
                words[word] += word in line
    return +words


LOGGED = (
    "job_failed",
    "queue_failed",
    "job_interrupted",
    "image_waits",
    "save_failed",
    "generation_failed",
    "generations_readopted",
    "answer_lost",
    "run_adopted",
    "DeadlockDetectedError",
    "SerializationError",
    "Traceback",
)


@asynccontextmanager
async def _chaos(given: argparse.Namespace) -> AsyncIterator[Chaos]:
    with temporary_folder() as folder:
        async with embedded_postgres(folder / "postgres") as postgres:
            port, replicate = free_port(), f"http://127.0.0.1:{free_port()}"
            secret = uuid4().hex
            environment = dict(_environment(folder, port, replicate, secret, postgres.login_url))
            await _migrate(folder, environment | {"BATCH_STUDIO_MIGRATION_URL": postgres.owner_url})
            database = await asyncpg.connect(postgres.superuser_url, database="batch_studio")
            async with _provider(replicate, given.seed, folder, environment):
                chaos = Chaos(
                    dice=random.Random(given.seed),
                    folder=folder,
                    environment=environment,
                    address=f"http://127.0.0.1:{port}",
                    secret=secret,
                    database=database,
                )
                try:
                    yield chaos
                finally:
                    await _end(chaos.processes.values())
                    await database.close()
                    _keep(folder, given.keep)


def _environment(
    folder: Path, port: int, replicate: str, secret: str, login: str
) -> Iterator[tuple[str, str]]:
    """Nothing of the caller's settings counts."""
    yield from ((name, text) for name, text in os.environ.items() if not is_setting(name))
    yield from ((f"BATCH_STUDIO_{name}", text) for name, text in SETTINGS.items())
    yield "DATABASE_URL", login
    yield "REPLICATE_API_TOKEN", "r8_chaos"
    yield "BATCH_STUDIO_REPLICATE_URL", replicate
    yield "BATCH_STUDIO_PORT", str(port)
    yield "BATCH_STUDIO_PUBLIC_URL", f"http://127.0.0.1:{port}"
    yield "BATCH_STUDIO_JWT_SECRET", secret
    yield "BATCH_STUDIO_DATA_DIR", str(folder / "data")


async def _migrate(folder: Path, environment: Mapping[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "migrate",
        cwd=folder,
        env=dict(environment) | {"BATCH_STUDIO_LOG_LEVEL": "warning"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    if await process.wait():
        raise SystemExit("The database could not be migrated.")


@asynccontextmanager
async def _provider(
    address: str, seed: int, folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[None]:
    options = {"port": address.rpartition(":")[2], "seed": seed} | TROUBLE
    with (folder / "provider.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            ROOT / "tests/standin/replicate.py",
            *(f"--{name}={value}" for name, value in options.items()),
            cwd=ROOT,
            env=dict(environment) | {"PYTHONPATH": str(ROOT)},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        if not await process.stdout.readline():
            raise SystemExit("The stand-in did not start.")
        yield
    finally:
        await _end([process])


async def _end(processes: Any) -> None:
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _keep(folder: Path, target: Path | None) -> None:
    if target is not None:
        target.mkdir(parents=True, exist_ok=True)
        for path in (*folder.glob("*.log"), *(folder / "postgres").rglob("*.log")):
            (target / path.name).write_bytes(path.read_bytes())


if __name__ == "__main__":
    main()
