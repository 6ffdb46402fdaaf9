"""The commands as a person runs them: what they print, how they end, and one sentence where they cannot."""

import asyncio
import os
import shlex
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import jwt
import pytest

from server.doctor import psql_command
from server.identity.tokens import local_token
from tests.along import LEAKS

PROGRAM = Path(sys.executable).with_name("batch-studio")
NOWHERE = "postgresql://somebody:password@127.0.0.1:1/nothing"
NATS_AWAY = "nats://127.0.0.1:1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int | None
    out: str
    err: str

    def sentence(self) -> str:
        """All that it said where it could not do what it was asked."""
        assert self.code == 1
        assert "Traceback" not in self.err
        assert "password" not in self.err
        (line,) = self.err.splitlines()
        return line


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Awaitable[Process]]:
    """Starts a command in an empty folder, with these settings and no others of ours."""
    bare = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BATCH_STUDIO_", "DATABASE_URL"))
    }

    async def start(*arguments: str, **settings: object) -> Process:
        given = {name: str(value) for name, value in settings.items()}
        return await asyncio.create_subprocess_exec(
            PROGRAM, *arguments, cwd=tmp_path, env=bare | given, stdout=PIPE, stderr=PIPE
        )

    return start


@pytest.fixture
def run(start: Callable[..., Awaitable[Process]]) -> Callable[..., Awaitable[Ended]]:
    async def run(*arguments: str, **settings: object) -> Ended:
        async with asyncio.timeout(60):
            process = await start(*arguments, **settings)
            out, err = await process.communicate()
        LEAKS.read_log(err.decode())
        return Ended(code=process.returncode, out=out.decode(), err=err.decode())

    return run


async def test_serve_refuses_to_open_the_door_to_everybody(run, tmp_path):
    ended = await run("serve", "--host", "0.0.0.0")  # noqa: S104

    assert "BATCH_STUDIO_JWT_SECRET" in ended.sentence()
    assert list(tmp_path.iterdir()) == []


async def test_token_prints_a_token_and_nothing_else(run, tmp_path):
    user = uuid4()

    ended = await run("token", "--user", str(user), "--ttl", "60")

    secret = (tmp_path / ".batch-studio" / "jwt-secret").read_text()
    claims = jwt.decode(ended.out.removesuffix("\n"), secret, ["HS256"], audience="authenticated")
    assert (claims["sub"], claims["role"], claims["exp"] - claims["iat"]) == (str(user), "authenticated", 60)
    assert (ended.code, ended.err) == (0, "")


async def test_token_refuses_where_others_sign(run):
    ended = await run("token", "--user", str(uuid4()), BATCH_STUDIO_JWKS_URL="https://issuer.example/jwks")

    assert "signs no tokens" in ended.sentence()


async def test_schema_prints_what_is_exported(run):
    ended = await run("schema")

    assert ended.code == 0
    assert ended.out == (Path(__file__).parents[2] / "schema" / "schema.graphql").read_text()


async def test_migrate_brings_an_empty_database_up_to_date(run, empty_urls):
    login = {"DATABASE_URL": empty_urls.login, "BATCH_STUDIO_MIGRATION_URL": empty_urls.owner}

    before = await run("migrate", "--check", **login)
    migrated = await run("migrate", "--samples", **login)
    after = await run("migrate", "--check", **login)
    again = await run("migrate", **login)

    assert [each.code for each in (before, migrated, after, again)] == [1, 0, 0, 0]
    assert before.out.startswith("pending: ")
    assert migrated.out.splitlines()[-1] == "2 sample collections are there."
    assert len(migrated.out.splitlines()) - 1 == len(before.out.splitlines())
    assert after.out == "Everything is applied.\n"
    assert again.out == "Nothing to apply.\n"


@pytest.mark.parametrize("command", ["serve", "worker"])
async def test_a_database_that_was_not_migrated_is_said_to_be(command, run, empty_urls, new_port):
    ended = await run(command, DATABASE_URL=empty_urls.login, BATCH_STUDIO_PORT=new_port())

    assert "run `batch-studio migrate` first" in ended.sentence()


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
async def test_a_database_out_of_reach_is_said_to_be(command, run):
    ended = await run(command, DATABASE_URL=NOWHERE)

    assert ended.sentence() == "The database at 127.0.0.1:1/nothing cannot be reached: Connection refused."


async def test_doctor_says_what_is_missing(run, tmp_path):
    ended = await run(
        "doctor",
        DATABASE_URL=NOWHERE,
        BATCH_STUDIO_HOST="::",
        BATCH_STUDIO_STORAGE_URL="az://account-is-missing",
    )

    assert (ended.code, ended.err) == (1, "")
    missing = [line.split()[1] for line in ended.out.splitlines() if line.startswith("MISSING")]
    assert missing == ["database", "storage", "identity"]


async def test_doctor_is_content_with_a_migrated_database(run, urls, owner):
    ended = await run("doctor", DATABASE_URL=urls.login, BATCH_STUDIO_MIGRATION_URL=urls.owner)

    version = await owner.fetchval("select split_part(current_setting('server_version'), ' ', 1)")
    assert f"PostgreSQL {version} at " in ended.out
    assert ended.code == 0
    assert all(line.startswith("ok") for line in ended.out.splitlines())
    assert "password" not in ended.out


async def test_doctor_opens_the_embedded_database_for_who_sees_every_row(cluster):
    passfile, _, *options = shlex.split(psql_command(cluster))
    _, host, _, user, database = options
    connection = await asyncpg.connect(
        host=host, user=user, database=database, passfile=passfile.removeprefix("PGPASSFILE=")
    )
    try:
        assert not await connection.fetchval("select row_security_active('images')")
    finally:
        await connection.close()


async def test_doctor_says_what_carries_the_hints(run, urls, shared_nats):
    here, away = (address.replace("//", "//user:password@") for address in (shared_nats.address, NATS_AWAY))
    database = {"DATABASE_URL": urls.login, "BATCH_STUDIO_MIGRATION_URL": urls.owner}
    reached = await run("doctor", BATCH_STUDIO_NATS_URL=f"{away},{here}", **database)
    missed = await run("doctor", BATCH_STUDIO_NATS_URL=away, **database)

    assert (reached.code, missed.code) == (0, 1)
    assert f"ok       hints      by NATS at 127.0.0.1:1, 127.0.0.1:{shared_nats.port}\n" in reached.out
    assert "MISSING  hints      by NATS at 127.0.0.1:1: none comes back" in missed.out
    assert "password" not in reached.out + missed.out


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"BATCH_STUDIO_HOST": "::"}, "BATCH_STUDIO_JWT_SECRET"),
        ({"BATCH_STUDIO_JWT_SECRET": "short"}, "BATCH_STUDIO_JWT_SECRET"),
        (
            {"BATCH_STUDIO_HOST": "no.host.invalid", "BATCH_STUDIO_JWT_SECRET": "x" * 32},
            "cannot be listened on",
        ),
        ({"BATCH_STUDIO_DEFAULT_MODEL": "none"}, "BATCH_STUDIO_DEFAULT_MODEL"),
        ({"BATCH_STUDIO_STORAGE_URL": "az://account-is-missing"}, "BATCH_STUDIO_STORAGE_URL"),
    ],
    ids=str,
)
async def test_serve_refuses_settings_that_it_cannot_serve_with(settings, words, run, shared_urls, new_port):
    port = {"BATCH_STUDIO_PORT": new_port()}

    ended = await run("serve", **({"DATABASE_URL": shared_urls.login} | port | settings))

    assert words in ended.sentence()


async def test_serve_refuses_a_port_that_is_taken(run, shared_api):
    port = shared_api.settings.port

    ended = await run("serve", "--port", str(port), DATABASE_URL=NOWHERE)

    assert ended.sentence() == f"127.0.0.1:{port} cannot be listened on: Address already in use."


async def test_serve_says_when_it_is_ready_and_ends_when_it_is_asked_to(start, urls, new_port):
    process = await start("serve", DATABASE_URL=urls.login, BATCH_STUDIO_PORT=new_port())
    async with asyncio.timeout(30):
        lines = [await process.stdout.readline() for _ in range(3)]
    process.terminate()
    async with asyncio.timeout(10):
        _, err = await process.communicate()

    assert lines[0].startswith(b"Batch Studio at http://127.0.0.1:")
    assert lines[2] == b"ready\n"
    assert (process.returncode, err) == (0, b"")


async def test_a_worker_alone_says_when_it_is_ready_and_ends_when_it_is_asked_to(start, urls):
    process = await start("worker", DATABASE_URL=urls.login)
    async with asyncio.timeout(30):
        assert await process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):
        await process.communicate()

    assert process.returncode == 0


@pytest.fixture
def run_batch(run, shared_service):
    """`batch-studio run` against the shared service, as its local user."""
    settings = shared_service.settings
    own = {"BATCH_STUDIO_DATA_DIR": settings.data_dir, "BATCH_STUDIO_PORT": settings.port}

    async def run_batch(*arguments: str) -> Ended:
        return await run("run", *arguments, **own)

    return run_batch


@pytest.fixture
def local(shared_service):
    """The local user, whom the command line is."""
    return shared_service.bearer(local_token(shared_service.settings))


CREATE = "mutation ($input: CreateCollectionInput!) { createCollection(input: $input) { collection { id } } }"


async def test_run_shows_each_image_and_ends_well(run_batch, local):
    await local.ask(CREATE, input={"name": "Small boats", "templates": [template("Boat")]})

    ended = await run_batch("small BOATS", "--prompt", "a boat", "--variants", "2", "--title", "[/] boats")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count("Small boats - Boat  http://127.0.0.1:") == 2
    assert ended.out.count("Small boats - Prompt 1  http://127.0.0.1:") == 2
    assert "[/] boats: batch " in ended.out
    assert "4 succeeded, 4 saved, 0 failed, 0 canceled" in ended.out


async def test_run_shows_what_failed_and_ends_badly(run_batch, local):
    templates = [template("Boat"), template("Wreck", fail="It has sunk.")]
    await local.ask(CREATE, input={"name": "Doomed", "templates": templates})

    ended = await run_batch("Doomed")

    assert ended.code == 1
    assert "Wreck  failed: It has sunk." in ended.out
    assert "1 succeeded, 1 saved, 1 failed, 0 canceled" in ended.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Name a collection, or give a --prompt."),
        (["No such"], "There is no collection named 'No such'."),
        (["--prompt", "a", "--reference", "x"], "referenceUrl must be an https address"),
    ],
    ids=str,
)
async def test_run_refuses_in_a_sentence(arguments, sentence, run_batch):
    assert (await run_batch(*arguments)).sentence().startswith(sentence)


async def test_run_needs_a_service(run, new_port):
    ended = await run("run", "--prompt", "a", BATCH_STUDIO_PORT=new_port())

    assert "cannot be asked" in ended.sentence()


def template(name: str, **parameters: Any) -> dict[str, Any]:
    small = {"width": 64, "height": 64, "seconds": 0}
    return {"name": name, "prompt": "a boat", "parameters": small | parameters}
