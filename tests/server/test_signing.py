"""What SQL signs is what we accept: this key, this hour, this secret, and nothing else."""

import asyncio
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.identity.signing import Signer

NOON = 1_790_000_000 // 3600 * 3600 + 1_800
HOUR = 3600
BASE = "https://studio.example/files/"
KEY = "5d3cfdaa-0000-4000-8000-00000000000a/boat.png"


def signer(secret: bytes = b"secret", *, at: float = NOON) -> Signer:
    return Signer(secret, BASE, clock=lambda: at)


def parts(address: str) -> tuple[str, str, str]:
    """Key, expires and signature of a signed address."""
    key, _, query = address.removeprefix(BASE).rpartition("?")
    values = parse_qs(query, strict_parsing=True)
    return key, values["expires"][0], values["signature"][0]


@pytest.fixture
async def sign(owner):
    """studio.signed_address of a key, by the parameters of a signer."""

    async def sign(key: str, by: Signer) -> str:
        return await owner.fetchval("select studio.signed_address($1, $2)", key, by.parameters())

    return sign


async def test_what_sql_signs_is_accepted(sign):
    ours = signer()

    assert ours.accepts(*parts(await sign(KEY, ours)))


async def test_any_key_and_any_secret_sign_alike_in_sql_and_here(sign):
    keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=80)
    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None)
    @given(key=keys, secret=st.binary(min_size=1, max_size=100), at=st.integers(0, 4_000_000_000))
    def alike(key, secret, at):
        ours = signer(secret, at=at)
        address = asyncio.run_coroutine_threadsafe(sign(key, ours), loop).result(10)
        assert ours.accepts(*parts(address))
        assert parts(address)[0] == key

    await asyncio.to_thread(alike)


@pytest.mark.parametrize("hours", [0, 1])
async def test_an_address_is_good_for_this_hour_and_the_next(hours, sign):
    address = await sign(KEY, signer())

    assert signer(at=NOON + hours * HOUR).accepts(*parts(address))


@pytest.mark.parametrize("hours", [-2, -1, 2, 3, 1_000])
async def test_an_address_is_good_for_no_other_hour(hours, sign):
    address = await sign(KEY, signer())

    assert not signer(at=NOON + hours * HOUR).accepts(*parts(address))


async def test_an_address_stays_the_same_for_the_hour(sign):
    first = await sign(KEY, signer(at=NOON))

    assert await sign(KEY, signer(at=NOON + 1_799)) == first
    assert await sign(KEY, signer(at=NOON + 1_800)) != first


async def test_a_signature_is_for_one_key_one_time_and_one_secret(sign):
    key, expires, signature = parts(await sign(KEY, signer()))

    assert not signer().accepts(key + ".400.webp", expires, signature)
    assert not signer().accepts(key, str(int(expires) + HOUR), signature)
    assert not signer().accepts(key, expires, signature[:-1])
    assert not signer().accepts(key, expires, signature.swapcase())
    assert not signer(b"other").accepts(key, expires, signature)


@pytest.mark.parametrize("expires", ["", "0", "x", "-1", "1e9", "٣", "9" * 500, "1790000001", " 1790000000"])
def test_a_time_that_we_never_sign_is_refused(expires):
    assert not signer().accepts(KEY, expires, "x")


@given(st.text(), st.text(), st.text())
def test_nothing_made_up_is_accepted(key, expires, signature):
    assert not signer().accepts(key, expires, signature)
