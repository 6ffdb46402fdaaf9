"""What a referenceUrl stands for: an address on the web, or a picture of the caller's own in storage."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from db.session import Record
from engine.refusals import Refusal, refuse_reference
from engine.seams import StorageError, UploadRefusedError
from engine.uploads import Upload
from engine.words import UserErrorCode
from resolvers.context import Context
from resolvers.faults import UnavailableFault

__all__ = ["Reference", "find_reference"]

FIELD = ("referenceUrl",)
KEY = re.compile(r"[0-9a-f-]{36}/references/[0-9a-f-]{36}\.(png|jpg|webp)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What is written into a row: an address or a storage key, or neither; or why it cannot be used."""

    address: str | None = None
    refusals: Sequence[Refusal] = ()


async def find_reference(context: Context, address: str | None) -> Reference:
    """Comes before the work is drafted; what is found stays for a day at least.

    An address of a picture in storage stands for it however long ago it was signed: whose it is counts.
    """
    if address is None:
        return Reference()
    key = _key(address, context.services.signer()[0])
    if key is None:
        loopback = context.services.loopback_references
        refusals = list(refuse_reference(address, FIELD, loopback=loopback))
        return Reference(address=address, refusals=refusals)
    row = await _reserved(context, key)
    if row is None:
        return _refused(UserErrorCode.NOT_FOUND, "There is no such reference image.")
    if row["kept_at"] is None and row["problem"] is None:
        return await _collected(context, row)
    if row["problem"] is not None:
        return _refused(UserErrorCode.INVALID, row["problem"])
    return Reference(address=key)


def _key(address: str, base: str) -> str | None:
    """The storage key in an address of ours; None for any other address."""
    key = address.partition("?")[0].removeprefix(base)
    return key if address.startswith(base) and KEY.fullmatch(key) else None


async def _reserved(context: Context, key: str) -> Record | None:
    """The caller's own, or nothing."""
    async with context.session() as session:
        await session.become_worker()
        return await session.row("reserve_reference", context.viewer.user_id, key)


async def _collected(context: Context, row: Record) -> Reference:
    """An upload that went into the storage past us is looked at when it is first used."""
    upload = Upload(key=row["key"], content_type=row["content_type"], byte_size=row["byte_size"])
    problem = None
    try:
        if not await context.services.uploads.collect(upload):
            return _refused(UserErrorCode.NOT_FOUND, "The reference image has not been uploaded yet.")
    except UploadRefusedError as error:
        problem = str(error)
    except StorageError as error:
        raise UnavailableFault from error
    async with context.session() as session:
        await session.become_worker()
        if problem is None:
            await session.rows("keep_upload", row["id"])
            return Reference(address=upload.key)
        await session.rows("fail_upload", row["id"], problem)
    return _refused(UserErrorCode.INVALID, problem)


def _refused(code: UserErrorCode, message: str) -> Reference:
    return Reference(refusals=[Refusal(path=FIELD, code=code, message=message)])
