"""A token counts when it is ours, for us, now, and of somebody; anything else is refused in one sentence."""

import base64
import hmac
import json
import time
from typing import Any
from uuid import UUID

import jwt
import pytest

from engine.viewer import ANONYMOUS, Viewer
from server.identity.auth import Authenticator, BadTokenError
from server.identity.tokens import issue_token
from server.settings import load_settings

SECRET = b"a secret that is long enough to be one, for SHA-512 too: 64 bytes"
USER = UUID("5d3cfdaa-0000-4000-8000-00000000000a")
ISSUER = "https://issuer.example"
SUPABASE = {
    "iss": "https://project.supabase.co/auth/v1",
    "email": "ada@example.org",
    "phone": "",
    "app_metadata": {"provider": "email", "providers": ["email"]},
    "user_metadata": {},
    "aal": "aal1",
    "amr": [{"method": "password", "timestamp": 1700000000}],
    "session_id": "6d2e0175-afe7-4de2-9c26-a4e5e8f03c36",
    "is_anonymous": False,
}


def claims(**given: Any) -> dict[str, Any]:
    """Good ones but for what is given; None leaves a claim out."""
    fixed = {
        "sub": str(USER),
        "role": "authenticated",
        "aud": "authenticated",
        "exp": int(time.time()) + 600,
    }
    return {name: value for name, value in (fixed | given).items() if value is not None}


def signed(payload: object, header: object = None, *, secret: bytes = SECRET) -> str:
    """By hand: PyJWT would refuse to make what an attacker makes."""
    text = f"{_encoded(header or {'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(payload)}"
    return f"{text}.{_base64(hmac.digest(secret, text.encode(), 'sha256'))}"


def _encoded(part: object) -> str:
    return _base64(json.dumps(part).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


async def viewer(token: str, **given: Any) -> Viewer:
    fixed = {"secret": SECRET, "keys": None, "audience": "authenticated", "issuer": None}
    return await Authenticator(**(fixed | given)).viewer(f"Bearer {token}")


async def test_a_good_token_names_its_user():
    found = await viewer(jwt.encode(claims(), SECRET))

    assert (found.user_id, found.role) == (USER, "authenticated")


@pytest.mark.parametrize(
    ("metadata", "may"),
    [
        ({"introspection": True}, True),
        ({"introspection": "yes"}, False),
        ({}, False),
        ([], False),
        (None, False),
    ],
    ids=str,
)
async def test_the_claim_to_introspect_is_one_that_a_user_cannot_give_to_himself(metadata, may):
    found = await viewer(signed(claims(app_metadata=metadata, user_metadata={"introspection": True})))

    assert found.introspects is may


async def test_without_a_header_the_caller_is_anonymous():
    nobody = await Authenticator(secret=SECRET, keys=None, audience="a", issuer=None).viewer(None)

    assert nobody == ANONYMOUS


async def test_a_token_of_our_own_counts():
    settings = load_settings(jwt_secret=SECRET.decode(), jwt_audience="a", jwt_issuer=ISSUER, _env_file=None)
    own = issue_token(settings, USER, ttl=60)

    assert (await viewer(own, audience="a", issuer=ISSUER)).user_id == USER


@pytest.mark.parametrize(
    "given", [SUPABASE, {"aud": ["other", "authenticated"]}, {"sub": str(USER).upper()}], ids=str
)
async def test_claims_that_differ_in_what_does_not_matter_count(given):
    assert (await viewer(signed(claims(**given)))).user_id == USER


@pytest.mark.parametrize(
    "given",
    [
        {"role": "anon"},
        {"role": None},
        {"role": "anon", "aud": None, "sub": None, "iss": "supabase", "ref": "x"},
    ],
    ids=str,
)
async def test_a_token_of_the_anonymous_role_gives_what_none_gives(given):
    found = await viewer(signed(claims(**given)))

    assert (found.user_id, found.role) == (None, "anon")


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -20), ("nbf", 20), ("iat", 20)])
async def test_clocks_may_differ_by_half_a_minute(claim, seconds):
    assert (await viewer(signed(claims(**{claim: time.time() + seconds})))).user_id == USER


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -40), ("nbf", 40), ("iat", 40)])
async def test_clocks_may_not_differ_by_more(claim, seconds):
    with pytest.raises(BadTokenError):
        await viewer(signed(claims(**{claim: time.time() + seconds})))


@pytest.mark.parametrize(
    "given",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("inf")},
        {"exp": -(10**400)},
        {"exp": []},
        {"exp": "4102444800"},
        {"exp": 1e300},
        {"exp": 253_402_300_800},
        {"exp": -1},
        {"exp": 0},
        {"exp": True},
        {"exp": "0x7fffffff"},
        {"nbf": "5"},
        {"nbf": [5]},
        {"nbf": -5},
        {"iat": "now"},
        {"iat": False},
        {"aud": "somebody"},
        {"aud": None},
        {"aud": []},
        {"aud": {"authenticated": 1}},
        {"role": "postgres"},
        {"role": "service_role"},
        {"role": "studio_worker"},
        {"role": "authenticated; reset role"},
        {"role": ["authenticated"]},
        {"role": {"authenticated": True}},
        {"role": ""},
        {"role": "AUTHENTICATED"},
        {"role": "authenticated "},
        {"role": "supabase_admin"},
        {"role": 5},
        {"sub": None},
        {"sub": ""},
        {"sub": "ada"},
        {"sub": 5},
        {"sub": ["x"]},
        {"sub": str(UUID(int=0))},
        {"sub": USER.hex},
        {"sub": f"{{{USER}}}"},
        {"sub": f"urn:uuid:{USER}"},
        {"sub": f"{USER}'; drop table images; --"},
    ],
    ids=lambda given: str(given)[:40],
)
async def test_claims_that_do_not_count_are_refused_though_we_signed_them(given):
    with pytest.raises(BadTokenError):
        await viewer(signed(claims(**given)))


@pytest.mark.parametrize("payload", [None, [], "text", 5])
async def test_a_payload_that_is_no_object_is_refused(payload):
    with pytest.raises(BadTokenError):
        await viewer(signed(payload))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "nOnE"},
        {"alg": "NONE"},
        {"alg": "none "},
        {"alg": ""},
        {"alg": "hs256"},
        {"alg": "HS384"},
        {"alg": "HS512"},
        {"alg": "RS256", "kid": "../../etc/passwd"},
        {"alg": "ES256"},
        {"alg": None},
        {"alg": ["HS256"]},
        {"typ": "JWT"},
        {"alg": "HS256", "kid": 5},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "crit": []},
        {"alg": "HS256", "crit": ["b64"], "b64": False},
        {"alg": "HS256", "b64": False},
        {"alg": "dir", "enc": "A256GCM"},
        ["HS256"],
        "HS256",
    ],
    ids=str,
)
async def test_a_header_that_asks_for_something_else_is_refused(header):
    with pytest.raises(BadTokenError):
        await viewer(signed(claims(), header))


async def test_another_algorithm_of_the_same_family_is_refused():
    with pytest.raises(BadTokenError):
        await viewer(jwt.encode(claims(), SECRET, algorithm="HS512"))


UNSIGNED = {
    "another secret": signed(claims(), secret=b"another secret"),
    "no signature": signed(claims()).rpartition(".")[0] + ".",
    "no third part": signed(claims()).rpartition(".")[0],
    "a.b.c": "a.b.c",
    "..": "..",
    ".": ".",
    "two tokens": f"{signed(claims())}.{signed(claims())}",
    "no header": f".{signed(claims()).partition('.')[2]}",
    "no claims": "{}..{}".format(*signed(claims()).split(".")[::2]),
    "spaces": signed(claims()).replace(".", " . "),
    "a token as claims": signed(signed(claims()), {"alg": "HS256", "cty": "JWT"}),
    "a token in a token": signed({"jwt": signed(claims())}, {"alg": "HS256", "cty": "JWT"}),
    "🌊": "🌊",
    "\0": "\0",
    "a million letters": "x" * 1_000_000,
    "brackets": "[" * 5_000,
}


@pytest.mark.parametrize("token", UNSIGNED.values(), ids=UNSIGNED)
async def test_a_token_that_we_did_not_sign_is_refused_in_one_sentence(token):
    with pytest.raises(BadTokenError) as caught:
        await viewer(token)

    assert str(caught.value) in ("The token is not valid.", "Authorization must be: Bearer JWT.")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "bearer\t"])
async def test_a_header_of_another_scheme_is_refused(header):
    with pytest.raises(BadTokenError):
        await Authenticator(secret=SECRET, keys=None, audience="a", issuer=None).viewer(header)


@pytest.mark.parametrize("issuer", [None, "https://elsewhere.example", ["https://issuer.example"]])
async def test_the_issuer_must_be_the_one_that_is_set(issuer):
    with pytest.raises(BadTokenError):
        await viewer(signed(claims(iss=issuer)), issuer=ISSUER)


async def test_a_verified_token_is_not_verified_again_and_still_expires():
    ours = Authenticator(secret=SECRET, keys=None, audience="authenticated", issuer=None)
    header = f"Bearer {signed(claims())}"
    first = await ours.viewer(header)
    ours.secret = b"what was verified needs no secret any more"

    assert await ours.viewer(header) is first
    ours.clock = lambda: time.time() + 600 + 31
    with pytest.raises(BadTokenError, match="expired"):
        await ours.viewer(header)


async def test_only_so_many_verified_tokens_are_remembered():
    ours = Authenticator(secret=SECRET, keys=None, audience="authenticated", issuer=None)
    for number in range(5_000):
        ours._remember(str(number), ANONYMOUS)

    assert len(ours._verified) == 4_096


@pytest.mark.parametrize("token", ["x", signed(claims(exp=1)), "x" * 20_000])
async def test_the_service_answers_a_bad_token_with_401(token, shared_api):
    caller = shared_api.anonymous()

    response = await caller.post_raw(b'{"query": "{ models { name } }"}', authorization=f"Bearer {token}")

    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
