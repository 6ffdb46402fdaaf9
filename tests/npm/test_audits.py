"""GraphQL over HTTP to the letter, as the audits of npm's graphql-http read it."""

import asyncio
import json
from asyncio.subprocess import PIPE

from tests.along import LEAKS
from tests.npm.node import FOLDER, NODE, install

AUDITS = 61


async def test_every_audit_of_graphql_over_http_is_passed(as_anonymous):
    install()
    asked = json.dumps({"address": as_anonymous.address})
    process = await asyncio.create_subprocess_exec(NODE, "audit.mjs", asked, cwd=FOLDER, stdout=PIPE)
    try:
        async with asyncio.timeout(60):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    LEAKS.read_answer(output)
    audits = [json.loads(line) for line in output.splitlines()]
    assert len(audits) == AUDITS
    assert [audit for audit in audits if audit["status"] != "ok"] == []
