"""`batch-studio run`: starts a batch over the service's own API and watches its images land."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gql import Client, GraphQLRequest, gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from server.identity.tokens import local_token
from server.settings import Settings

__all__ = ["RunError", "RunOrder", "run_batch"]

COLLECTIONS = gql("""
    query Collections($after: String) {
      collections(first: 100, after: $after) {
        nodes { id name }
        pageInfo { hasNextPage endCursor }
      }
    }
""")
START = gql("""
    mutation Start($input: StartBatchInput!) {
      startBatch(input: $input) { batchId batch { title counts { total } } userErrors { field message } }
    }
""")
WATCH = gql("""
    subscription Watch($batchId: ID!) {
      batchResults(batchId: $batchId) {
        generation { id status imageUrl saved images { name } error { message } templateName }
        batch { status counts { total succeeded failed canceled saved } }
      }
    }
""")


class RunError(Exception):
    """The batch could not be started or watched; the text is for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """What the command line asked for."""

    collection: str | None
    prompts: tuple[str, ...]
    reference: str | None
    model: str | None
    variants: int
    title: str | None


async def run_batch(settings: Settings, order: RunOrder) -> bool:
    """Prints each image as it lands; whether all of them succeeded. Raises RunError."""
    headers = {"Authorization": f"Bearer {local_token(settings)}"}
    try:
        async with Client(transport=_http(settings, headers)) as session:
            started = await _start(session, order)
        async with Client(transport=_socket(settings, headers)) as session:
            counts = await _watch(session, started)
    except (TransportError, OSError) as error:
        raise RunError(f"The service at {settings.address} cannot be asked: {error}.") from error
    return bool(counts["succeeded"] == counts["saved"] == counts["total"])


async def _start(session: AsyncClientSession, order: RunOrder) -> dict[str, Any]:
    wanted = {
        "collectionId": await _collection_id(session, order.collection),
        "templates": [
            {"name": f"Prompt {number}", "prompt": prompt} for number, prompt in enumerate(order.prompts, 1)
        ],
        "referenceUrl": order.reference,
        "model": order.model,
        "variants": order.variants,
        "title": order.title,
    }
    request = GraphQLRequest(START, variable_values={"input": wanted})
    payload: dict[str, Any] = (await session.execute(request))["startBatch"]
    if payload["userErrors"]:
        raise RunError("\n".join(each["message"] for each in payload["userErrors"]))
    return payload


async def _collection_id(session: AsyncClientSession, name: str | None) -> str | None:
    """By its name, whatever the case."""
    after = None
    while name is not None:
        request = GraphQLRequest(COLLECTIONS, variable_values={"after": after})
        page = (await session.execute(request))["collections"]
        for each in page["nodes"]:
            if each["name"].casefold() == name.casefold():
                return str(each["id"])
        if not page["pageInfo"]["hasNextPage"]:
            raise RunError(f"There is no collection named {name!r}.")
        after = page["pageInfo"]["endCursor"]
    return None


async def _watch(session: AsyncClientSession, started: Mapping[str, Any]) -> dict[str, int]:
    console = Console(soft_wrap=True, markup=False, highlight=False)
    counts: dict[str, int] = started["batch"]["counts"]
    told: set[str] = set()
    console.print(f"{started['batch']['title']}: batch {started['batchId']}")
    with _progress(console) as progress:
        bar = progress.add_task("images", total=counts["total"])
        request = GraphQLRequest(WATCH, variable_values={"batchId": started["batchId"]})
        async for answer in session.subscribe(request):
            update = answer["batchResults"]
            counts = update["batch"]["counts"]
            line = _line(update["generation"])
            if line and update["generation"]["id"] not in told:
                told.add(update["generation"]["id"])
                console.print(line)
            progress.update(bar, completed=counts["succeeded"] + counts["failed"] + counts["canceled"])
    console.print(
        f"{counts['succeeded']} succeeded, {counts['saved']} saved, {counts['failed']} failed, "
        f"{counts['canceled']} canceled"
    )
    return counts


def _line(generation: Mapping[str, Any] | None) -> str | None:
    """What a person wants to know of a generation that has ended."""
    if generation is None:
        return None
    name = next((each["name"] for each in generation["images"]), generation["templateName"])
    match generation["status"]:
        case "SUCCEEDED":
            return f"{name}  {generation['imageUrl']}"
        case "FAILED" | "CANCELED":
            reason = (generation["error"] or {}).get("message", "cancelled")
            return f"{name}  {generation['status'].lower()}: {reason}"
        case _:
            return None


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _http(settings: Settings, headers: dict[str, str]) -> HTTPXAsyncTransport:
    # Between this machine and itself lies no proxy, whatever the environment says.
    return HTTPXAsyncTransport(
        url=f"{settings.address}/graphql", headers=headers, trust_env=not settings.on_loopback
    )


def _socket(settings: Settings, headers: dict[str, str]) -> WebsocketsTransport:
    return WebsocketsTransport(
        url=f"{settings.address.replace('http', 'ws', 1)}/graphql",
        init_payload=headers,
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        ping_interval=10,
        connect_args={"proxy": None} if settings.on_loopback else {},
    )
