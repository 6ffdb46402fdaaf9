"""Somebody who uses a service over its API alone."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from gql import Client, GraphQLRequest, gql
from gql.transport.websockets import WebsocketsTransport
from service import Service

__all__ = ["START", "Caller", "new_caller"]

START = """
    mutation ($input: StartBatchInput!) {
      startBatch(input: $input) { batchId userErrors { message } }
    }
"""
CANCEL = "mutation ($id: ID!) { cancelBatch(id: $id) { userErrors { message } } }"
WATCH = gql("""
    subscription ($batchId: ID!) {
      batchResults(batchId: $batchId) {
        generation { id status saved }
        batch { status counts { saved failed } }
      }
    }
""")
ANSWER_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user with a token."""

    address: str
    token: str

    async def start_batch(self, wanted: Mapping[str, Any]) -> str:
        """Its id; ends the program where it is refused."""
        payload = (await self.ask(START, input=wanted))["startBatch"]
        if payload["userErrors"]:
            raise SystemExit(payload["userErrors"][0]["message"])
        return str(payload["batchId"])

    async def cancel_batch(self, batch_id: str) -> None:
        await self.ask(CANCEL, id=batch_id)

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            answer = await client.post(
                f"{self.address}/graphql",
                json={"query": document, "variables": variables},
                headers={"authorization": f"Bearer {self.token}"},
            )
        data: dict[str, Any] = answer.raise_for_status().json()["data"]
        return data

    async def updates(self, batch_id: str) -> AsyncIterator[dict[str, Any]]:
        """Every change until the batch is finished."""
        transport = WebsocketsTransport(
            url=f"{self.address.replace('http', 'ws', 1)}/graphql",
            init_payload={"Authorization": f"Bearer {self.token}"},
            subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        )
        request = GraphQLRequest(WATCH, variable_values={"batchId": batch_id})
        async with Client(transport=transport) as session:
            async for answer in session.subscribe(request):
                yield answer["batchResults"]

    async def saves(self, batch_id: str) -> AsyncIterator[str]:
        """The id of each generation once it is saved; ends the program where one failed."""
        async for update in self.updates(batch_id):
            if update["batch"]["counts"]["failed"]:
                raise SystemExit("An image failed.")
            generation = update["generation"]
            if generation and generation["saved"]:
                yield generation["id"]


def new_caller(service: Service) -> Caller:
    """A user who has done nothing yet."""
    return Caller(address=service.address, token=service.token(uuid4()))
