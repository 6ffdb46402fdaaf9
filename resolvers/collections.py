"""The life of a collection. A batch has its own copy of every prompt: nothing here rewrites history."""

from uuid import UUID

from db.session import Session
from engine.ids import read_id
from engine.refusals import Refusal
from resolvers.context import Context
from resolvers.locks import absent, conflict
from resolvers.templates import refuse_collection, template_rows
from schema.inputs import CreateCollectionInput, UpdateCollectionInput

__all__ = ["create_collection", "delete_collection", "update_collection"]


async def create_collection(context: Context, asked: CreateCollectionInput) -> UUID | list[Refusal]:
    """Its id, or why there is none."""
    if refusals := list(refuse_collection(asked, context.services.model_names)):
        return refusals
    async with context.session() as session:
        row = await session.one("insert_collection", asked.name, asked.description)
        await session.rows("insert_templates", row["id"], template_rows(asked.templates))
    key: UUID = row["id"]
    return key


async def update_collection(context: Context, asked: UpdateCollectionInput) -> list[Refusal]:
    """Two at once come one after the other: the later list is the one that stays, whole."""
    key = read_id(asked.id)
    refusals = list(refuse_collection(asked, context.services.model_names))
    async with context.session() as session:
        if refusals := [*await _refuse_change(session, key), *refusals]:
            return refusals
        if await session.row("change_collection", key, asked.name, asked.description) is None:
            return [absent("collection")]
        if asked.templates is not None:
            await session.rows("delete_templates", key)
            await session.rows("insert_templates", key, template_rows(asked.templates))
    return []


async def delete_collection(context: Context, key: UUID | None) -> list[Refusal]:
    """Batches and images made from it stay, and name no collection any more."""
    async with context.session() as session:
        refusals = await _refuse_change(session, key)
        if not refusals:
            await session.rows("delete_collection", key)
    return refusals


async def _refuse_change(session: Session, key: UUID | None) -> list[Refusal]:
    row = await session.row("collections_by_id", [key]) if key else None
    if row is None:
        return [absent("collection")]
    return [conflict("Shared collections are read-only.")] if row["shared"] else []
