"""Signing, or none, for everybody on a database; and columns that PostGraphile can sign."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from million import Million

__all__ = ["computed_columns", "signing_set"]

SIGNS = "select pg_get_functiondef('studio.signed_address'::regproc)"
UNSIGNED = """
    create or replace function studio.signed_address(key text, signer text[]) returns text
    language sql immutable parallel safe
    return key
"""
# PostGraphile's way to an expression: a function over the row, which PostgreSQL inlines.
COLUMNS = """
    create or replace function public.images_signed_url(image public.images) returns text
    language sql stable parallel safe
    return studio.signed_address(image.url, current_setting('bench.signer')::text[]);

    create or replace function public.images_signed_thumbnail_url(image public.images) returns text
    language sql stable parallel safe
    return studio.signed_address(image.url || '.400.webp', current_setting('bench.signer')::text[]);

    grant execute on function public.images_signed_url, public.images_signed_thumbnail_url to authenticated;
"""
NO_COLUMNS = "drop function public.images_signed_url, public.images_signed_thumbnail_url"


@asynccontextmanager
async def signing_set(filled: Million, *, signing: bool) -> AsyncIterator[None]:
    """Without signing, an address is its key until the end of the block, or the next start after a crash."""
    kept = filled.folder / "signed_address.sql"
    if kept.exists():
        await filled.database.execute(kept.read_text())
        kept.unlink()
    if signing:
        yield
        return
    kept.write_text(await filled.database.fetchval(SIGNS))
    await filled.database.execute(UNSIGNED)
    try:
        yield
    finally:
        await filled.database.execute(kept.read_text())
        kept.unlink()


@asynccontextmanager
async def computed_columns(filled: Million) -> AsyncIterator[None]:
    """They are there until the end of the block."""
    await filled.database.execute(COLUMNS)
    try:
        yield
    finally:
        await filled.database.execute(NO_COLUMNS)
