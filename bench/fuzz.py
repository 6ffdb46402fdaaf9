"""Hard to hurt: malformed sockets and hostile bodies, seeded, while somebody else asks a plain question.

    uv run python bench/fuzz.py [--seed 1] [--sockets 600]

A service of its own gets every hostile body over HTTP, in three ways, and so many raw WebSockets: bad
handshakes and frames, odd messages, all cut off at any point. Meanwhile a plain query is asked over and over.
Exits with 1 where the log has a traceback or an error, an answer is a 500, memory has grown, or the plain
query ever took longer than 250 ms.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
from malice import BODIES, HEADERS, socket_case
from service import Service, running

AT_ONCE = 20
PATIENCE = 0.3
"""Seconds that a socket has to answer, before its client goes."""
LONGEST_ANSWER = 0.25
MOST_GROWTH = 16_000_000
"""Bytes that the process may hold beyond what it held after the first round."""
WORST = ("Traceback", "level=error", "level=critical", "ERROR", "Exception")
TRACE_LINES = 20
PLAIN = {"query": "{ __typename }"}


@dataclass(slots=True)
class Findings:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    handshakes: int = 0
    answers: list[float] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)


async def fuzz(seed: int, sockets: int) -> Findings:
    findings = Findings()
    dice = random.Random(seed)
    cases = [socket_case(dice) for _ in range(sockets)]
    with tempfile.TemporaryFile() as log:
        async with running("serve", "--no-worker", log=log, BATCH_STUDIO_LOG_LEVEL="info") as service:
            await _round(service, cases, findings)
            before = service.memory().service
            await _round(service, cases, findings)
            growth = service.memory().service - before
        if growth > MOST_GROWTH:
            findings.breaches.append(f"memory grew by {growth / 1e6:.1f} MB")
        log.seek(0)
        findings.breaches += _bad_lines(log.read().decode(errors="replace"))
    return findings


async def _round(service: Service, cases: list[bytes], findings: Findings) -> None:
    asking = asyncio.create_task(_ask_on(service, findings))
    await _post_all(service, findings)
    gate = asyncio.Semaphore(AT_ONCE)
    await asyncio.gather(*(_send(service, case, gate, findings) for case in cases))
    asking.cancel()
    with suppress(asyncio.CancelledError):
        await asking


async def _ask_on(service: Service, findings: Findings) -> None:
    """Somebody with nothing to do with it."""
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            began = time.perf_counter()
            response = await client.post(f"{service.address}/graphql", json=PLAIN)
            findings.answers.append(time.perf_counter() - began)
            if response.json() != {"data": {"__typename": "Query"}}:
                findings.breaches.append(f"the plain query was answered {response.text[:80]}")
            await asyncio.sleep(0.02)


async def _post_all(service: Service, findings: Findings) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for headers in HEADERS:
            for body in BODIES:
                response = await client.post(f"{service.address}/graphql", content=body, headers=headers)
                findings.statuses[response.status_code] += 1
                if response.status_code >= 500:
                    findings.breaches.append(f"{response.status_code} for {body[:60]!r}")


async def _send(service: Service, case: bytes, gate: asyncio.Semaphore, findings: Findings) -> None:
    """Everything at once, then what comes back for a moment."""
    parts = urlsplit(service.address)
    async with gate:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                writer.write(case)
                await writer.drain()
                if len(case) % 2:
                    writer.write_eof()
                findings.handshakes += (await reader.read(12)) == b"HTTP/1.1 101"
                while await reader.read(65_536):
                    pass
        writer.transport.abort()


def _bad_lines(log: str) -> list[str]:
    """Each with what follows it, and the end of it, where the reason is."""
    lines = log.splitlines()
    return [
        "logged: " + "\n".join(lines[at : at + TRACE_LINES])[-1_500:]
        for at, line in enumerate(lines)
        if any(each in line for each in WORST)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--sockets", type=int, default=600)
    given = parser.parse_args()
    began = time.perf_counter()
    findings = asyncio.run(fuzz(given.seed, given.sockets))
    slowest = max(findings.answers)
    if slowest > LONGEST_ANSWER:
        findings.breaches.append(f"a plain query took {slowest * 1000:.0f} ms")
    print(
        f"seed {given.seed}: 2 x {given.sockets} sockets, {2 * len(HEADERS)} x {len(BODIES)} bodies in",
        end=" ",
    )
    print(f"{time.perf_counter() - began:.0f} s; {findings.handshakes} handshakes taken,", end=" ")
    print(f"statuses {dict(findings.statuses)};", end=" ")
    print(f"{len(findings.answers)} plain queries, the slowest {slowest * 1000:.0f} ms")
    print("\n".join(findings.breaches) or "no breach")
    sys.exit(1 if findings.breaches else 0)


if __name__ == "__main__":
    main()
