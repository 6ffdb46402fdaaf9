"""Public keys are fetched when first needed, kept, looked for again when unknown, and outlive an outage."""

import asyncio
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from websockets.exceptions import ConnectionClosed

from server.identity.auth import Authenticator, BadTokenError
from server.identity.jwks import KeySet, KeysUnavailableError
from tests.along import connect

PROTOCOL = "graphql-transport-ws"
ES256 = ECAlgorithm(ECAlgorithm.SHA256)
USER = UUID("5d3cfdaa-0000-4000-8000-00000000000a")
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_CURVE = ec.generate_private_key(ec.SECP384R1())
STRANGE = ec.generate_private_key(ec.SECP256R1())
RSA_JWK = RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True) | {"kid": "rsa", "use": "sig"}
EC_JWK = ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True) | {"kid": "ec", "alg": "ES256"}
CURVE_JWK = ECAlgorithm.to_jwk(OTHER_CURVE.public_key(), as_dict=True) | {"kid": "curve"}
ENCRYPTING_JWK = ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True) | {"kid": "encrypts", "use": "enc"}
SECRET_JWK = {"kty": "oct", "kid": "oct", "k": jwt.utils.base64url_encode(bytes(32)).decode()}
STRANGE_JWK = ECAlgorithm.to_jwk(STRANGE.public_key(), as_dict=True) | {"kid": "ec"}


class Issuer:
    """An address that hands out keys; answer is what it says next, requests how often it was asked."""

    def __init__(self) -> None:
        self.answer: Any = {"keys": [RSA_JWK, EC_JWK, CURVE_JWK, ENCRYPTING_JWK, SECRET_JWK]}
        self.status = 200
        self.requests = 0
        self.server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}/jwks.json"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests += 1
                self.send_response(issuer.status)
                self.end_headers()
                self.wfile.write(json.dumps(issuer.answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    thread = threading.Thread(target=issuer.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()
    thread.join()


@pytest.fixture
def keys(issuer: Issuer) -> KeySet:
    return KeySet(issuer.url)


def token(key: Any = EC_KEY, algorithm: str = "ES256", kid: Any = "ec", **header: Any) -> str:
    claims = {"sub": str(USER), "role": "authenticated", "aud": "authenticated", "exp": time.time() + 60}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid} | header if kid else header)


def forged(key: Any = EC_KEY, **header: Any) -> str:
    """A header that PyJWT would not write, signed by this key all the same."""
    given = {"alg": "ES256", "typ": "JWT", "kid": "ec"} | header
    text = f"{jwt.utils.base64url_encode(json.dumps(given).encode()).decode()}.{token().split('.')[1]}"
    return f"{text}.{jwt.utils.base64url_encode(ES256.sign(text.encode(), key)).decode()}"


async def viewer(keys: KeySet, token: str, secret: bytes | None = None) -> Any:
    ours = Authenticator(secret=secret, keys=keys, audience="authenticated", issuer=None)
    return await ours.viewer(f"Bearer {token}")


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(RSA_KEY, "RS256", "rsa"), (EC_KEY, "ES256", "ec")])
async def test_a_token_signed_by_a_known_key_counts(key, algorithm, kid, keys):
    assert (await viewer(keys, token(key, algorithm, kid))).user_id == USER


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [
        (STRANGE, "ES256", "ec"),
        (EC_KEY, "ES256", "unknown"),
        (EC_KEY, "ES256", "../jwks.json"),
        (EC_KEY, "ES256", None),
        (EC_KEY, "ES256", "rsa"),
        (RSA_KEY, "RS512", "rsa"),
        (RSA_KEY, "PS256", "rsa"),
        (b"a secret that is long enough to be one", "HS256", "ec"),
        (bytes(32), "HS256", "oct"),
        (OTHER_CURVE, "ES384", "curve"),
        (EC_KEY, "ES256", "encrypts"),
    ],
)
async def test_a_token_of_another_key_or_algorithm_is_refused(key, algorithm, kid, keys):
    with pytest.raises(BadTokenError):
        await viewer(keys, token(key, algorithm, kid))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "..%2f..%2fec"},
        {"kid": "http://127.0.0.1:1/key"},
        {"kid": "ec\0"},
        {"kid": "EC"},
        {"kid": 5},
        {"kid": ["ec"]},
        {"kid": {"$ne": 1}},
        {"kid": None},
        {"kid": ""},
        {"kid": "' or 1=1 --"},
        {"kid": "x" * 5_000},
        {"kid": "curve"},
        {"kid": "oct"},
        {"crit": ["exp"]},
        {"alg": "ES384"},
        {"alg": "none"},
    ],
    ids=lambda header: str(header)[:40],
)
async def test_a_header_leads_to_no_key_but_those_of_the_set(header, keys):
    with pytest.raises(BadTokenError):
        await viewer(keys, forged(**header))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
async def test_a_key_that_a_token_brings_along_is_not_looked_at(name, issuer, keys):
    brought = {"jwk": STRANGE_JWK, "x5c": ["MIIB"]}.get(name, "http://127.0.0.1:1/keys")
    with pytest.raises(BadTokenError):
        await viewer(keys, forged(STRANGE, **{name: brought}))
    assert (await viewer(keys, forged(**{name: brought}))).user_id == USER
    assert issuer.requests == 1


async def test_a_key_of_another_curve_verifies_nothing(issuer):
    issuer.answer = {"keys": [CURVE_JWK | {"alg": "ES256"}, EC_JWK]}
    keys = KeySet(issuer.url)
    with pytest.raises(BadTokenError):
        await viewer(keys, forged(kid="curve"))
    assert (await viewer(keys, token())).user_id == USER


@pytest.mark.parametrize("secret", [None, b"a secret that is long enough to be one"])
async def test_a_public_key_never_serves_as_a_secret(secret, keys):
    header, payload, _ = token(RSA_KEY, "RS256", "rsa").split(".")
    header = jwt.utils.base64url_encode(b'{"alg":"HS256","kid":"rsa"}').decode()
    pem = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mac = jwt.utils.base64url_encode(hmac.digest(pem, f"{header}.{payload}".encode(), "sha256")).decode()

    with pytest.raises(BadTokenError):
        await viewer(keys, f"{header}.{payload}.{mac}", secret)


async def test_keys_are_fetched_once(issuer, keys):
    for _ in range(3):
        await viewer(keys, token())

    assert issuer.requests == 1


async def test_an_unknown_key_is_looked_for_again_but_not_at_every_strangers_word(issuer):
    keys = KeySet(issuer.url, not_before=0)
    issuer.answer = {"keys": [RSA_JWK]}
    with pytest.raises(BadTokenError):
        await viewer(keys, token())
    issuer.answer = {"keys": [RSA_JWK, EC_JWK]}
    assert (await viewer(keys, token())).user_id == USER
    assert issuer.requests == 2

    keys.not_before = 10
    for number in range(5):
        with pytest.raises(BadTokenError):
            await viewer(keys, token(kid=f"made up {number}"))
    assert issuer.requests == 2


@pytest.mark.parametrize(
    ("status", "answer"), [(500, {}), (200, "no keys"), (200, []), (200, {"keys": []}), (200, {"keys": 5})]
)
async def test_an_outage_costs_nothing_once_a_key_is_known(status, answer, issuer):
    keys = KeySet(issuer.url, good_for=0, not_before=0)
    await viewer(keys, token())
    issuer.status, issuer.answer = status, answer

    assert (await viewer(keys, token())).user_id == USER
    assert issuer.requests == 2


async def test_while_no_key_was_ever_seen_nobody_is_called_a_liar(issuer):
    issuer.status = 500
    keys = KeySet(issuer.url)
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            await viewer(keys, token())
    assert issuer.requests == 1


async def test_those_who_are_known_do_not_wait_while_the_keys_are_fetched_again(issuer):
    keys = KeySet(issuer.url, good_for=0, not_before=0)
    await viewer(keys, token())
    async with keys._fetching, asyncio.timeout(10):
        assert (await viewer(keys, token())).user_id == USER


NOWHERE = "http://127.0.0.1:1/jwks.json"


async def test_the_service_says_that_the_keys_cannot_be_had(running, settings_for):
    async with running(settings_for(jwks_url=NOWHERE), with_worker=False) as service:
        response = await service.bearer(token()).post("{ models { name } }")

        assert (response.status_code, response.headers["retry-after"]) == (503, "10")
        assert response.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
        assert (await service.anonymous().ask("{ models { name } }"))["models"]
        assert await code_of_a_socket(service.address, token()) == 1013


async def code_of_a_socket(address: str, token: str) -> int:
    """How a socket closes that this token was to open."""
    address = f"{address.replace('http', 'ws', 1)}/graphql"
    opening = {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}
    async with asyncio.timeout(10), connect(address, subprotocols=[PROTOCOL], proxy=None) as socket:
        await socket.send(json.dumps(opening))
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    return closed.value.rcvd.code
