"""The command line: batch-studio."""

import socket
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn
from uuid import UUID

import click

from server.settings import Settings, SettingsError, load_settings, refuse_open_door

# The rest is imported by the commands that need it: what one needs shall not slow down the others.

__all__ = ["main"]


class Commands(click.Group):
    """A setting that cannot be used ends any command with one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            _fail(str(error))


@click.group(
    cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="batch-studio")
@click.pass_context
def main(context: click.Context) -> None:
    """The backend for image-generation products. Without a command: serve."""
    if context.invoked_subcommand is None:
        context.invoke(serve)


@main.command()
@click.option("--host", help="Interface to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.")
@click.option("--no-worker", is_flag=True, help="The API alone; workers run elsewhere.")
def serve(host: str | None = None, port: int | None = None, no_worker: bool = False) -> None:
    """Run the API and a worker."""
    settings = load_settings(host=host, port=port)
    refuse_open_door(settings)
    _refuse_taken_port(settings)
    from server.serve import serve as serve_until_stopped

    _run(settings, serve_until_stopped(settings, with_worker=not no_worker))


@main.command()
def worker() -> None:
    """Run a worker alone, against DATABASE_URL."""
    from server.serve import work

    settings = load_settings()
    _run(settings, work(settings))


@main.command(name="migrate")
@click.option("--check", is_flag=True, help="Change nothing; exit 1 where anything is pending.")
@click.option("--samples", is_flag=True, help="Add the shared sample collections.")
def migrate_command(check: bool, samples: bool) -> None:
    """Apply the migrations to DATABASE_URL."""
    from db.migrate import migrate, pending
    from db.samples import add_samples

    settings = load_settings()
    if settings.database_url is None or settings.owner_url is None:
        _fail("The embedded database migrates itself; set DATABASE_URL to migrate another one.")
    if check:
        _check(_run(settings, pending(settings.owner_url)))
        return
    applied = _run(settings, migrate(settings.owner_url, settings.database_url))
    click.echo("\n".join(applied) if applied else "Nothing to apply.")
    if samples:
        click.echo(f"{_run(settings, add_samples(settings.owner_url))} sample collections are there.")


@main.command()
@click.option("--user", type=click.UUID, required=True, help="The user's UUID.")
@click.option("--role", type=click.Choice(["authenticated", "anon"]), default="authenticated")
@click.option("--ttl", type=click.IntRange(1), default=3600, help="Seconds it is good for.")
@click.option("--introspection", is_flag=True, help="May ask about the schema.")
def token(user: UUID, role: str, ttl: int, introspection: bool) -> None:
    """Print a token signed with the service's own secret."""
    from server.identity.tokens import issue_token

    click.echo(issue_token(load_settings(), user, role=role, ttl=ttl, introspection=introspection))


@main.command()
@click.argument("collection", required=False)
@click.option("--prompt", "prompts", multiple=True, help="A prompt of one's own; may be repeated.")
@click.option("--reference", help="Address of the reference image.")
@click.option("--model", help="What makes the images.")
@click.option("--variants", type=click.IntRange(1, 100), default=1, help="Images per template.")
@click.option("--title", help="The batch's name.")
def run(
    collection: str | None,
    prompts: tuple[str, ...],
    reference: str | None,
    model: str | None,
    variants: int,
    title: str | None,
) -> None:
    """Start a batch on the running service and watch its images land."""
    if not collection and not prompts:
        _fail("Name a collection, or give a --prompt.")
    from server.run import RunError, RunOrder, run_batch

    order = RunOrder(
        collection=collection,
        prompts=prompts,
        reference=reference,
        model=model,
        variants=variants,
        title=title,
    )
    settings = load_settings()
    try:
        succeeded = _run(settings, run_batch(settings, order))
    except RunError as error:
        _fail(str(error))
    sys.exit(0 if succeeded else 1)


@main.command()
def schema() -> None:
    """Print the schema definition language."""
    from server.operations.schema import build_schema
    from server.sdl import print_sdl

    click.echo(print_sdl(build_schema()), nl=False)


@main.command()
def doctor() -> None:
    """Say what is configured, reachable and missing."""
    from server.doctor import examine

    settings = load_settings()
    healthy = _run(settings, examine(settings))
    sys.exit(0 if healthy else 1)


def _run(settings: Settings, task: Coroutine[Any, Any, Any]) -> Any:
    """What can be expected to go wrong is one sentence and exit 1, never a traceback."""
    import uvloop

    from db.connect import DatabaseUnusableError
    from db.migrate import MigrationError
    from server.embedded import EmbeddedPostgresError
    from server.watching.logs import set_up_logs

    set_up_logs(settings.log_level)
    try:
        return uvloop.run(task)
    except (DatabaseUnusableError, EmbeddedPostgresError, MigrationError) as error:
        _fail(str(error))


def _refuse_taken_port(settings: Settings) -> None:
    """Before anything is started, and in one sentence."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            _fail(f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.")


def _check(names: list[str]) -> None:
    for name in names:
        click.echo(f"pending: {name}")
    if names:
        sys.exit(1)
    click.echo("Everything is applied.")


def _fail(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
