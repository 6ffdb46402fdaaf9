"""createReferenceUpload: a place for one picture, and not for too many."""

from datetime import UTC, datetime, timedelta
from typing import cast

from strawberry.scalars import JSON

from db.session import Record, Session
from engine.refusals import Refusal
from engine.uploads import SUFFIXES, Upload, refuse_more, refuse_upload
from resolvers.context import Context
from schema.uploads import CreateReferenceUploadInput, ReferenceUpload

__all__ = ["create_reference_upload"]

GOOD_FOR = timedelta(hours=1)


async def create_reference_upload(
    context: Context, asked: CreateReferenceUploadInput
) -> ReferenceUpload | list[Refusal]:
    """Where to put the picture, or why nowhere."""
    if refusals := list(refuse_upload(asked.content_type, asked.byte_size)):
        return refusals
    async with context.session() as session:
        row = await _reserved(session, context, asked)
    if isinstance(row, list):
        return row
    until = (datetime.now(UTC) + GOOD_FOR).replace(microsecond=0)
    upload = Upload(key=row["key"], content_type=asked.content_type, byte_size=asked.byte_size)
    return ReferenceUpload(
        upload_url=await context.services.uploads.address(upload, until),
        method="PUT",
        headers=cast("JSON", {"Content-Type": asked.content_type}),
        reference_url=row["reference_url"],
        expires_at=until,
    )


async def _reserved(
    session: Session, context: Context, asked: CreateReferenceUploadInput
) -> Record | list[Refusal]:
    """The upload's row, where its owner has room for one more."""
    owner = context.viewer.user_id
    await session.become_worker()
    await session.rows("lock_uploads", owner)
    unused = await session.one("unused_uploads", owner)
    refusals = list(refuse_more(asked.byte_size, unused=unused["count"], unused_bytes=unused["bytes"]))
    if refusals:
        return refusals
    return await session.one(
        "insert_upload",
        owner,
        asked.content_type,
        asked.byte_size,
        SUFFIXES[asked.content_type],
        context.services.signer(),
    )
