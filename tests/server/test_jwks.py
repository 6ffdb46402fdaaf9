"""Public keys are fetched when first needed, kept, looked for again when unknown, and outlive an outage."""

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

from server.auth import Authenticator, BadTokenError
from server.jwks import KeySet

USER = UUID("5d3cfdaa-0000-4000-8000-00000000000a")
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
STRANGE = ec.generate_private_key(ec.SECP256R1())
RSA_JWK = RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True) | {"kid": "rsa", "use": "sig"}
EC_JWK = ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True) | {"kid": "ec", "alg": "ES256"}


class Issuer:
    """An address that hands out keys; answer is what it says next, requests how often it was asked."""

    def __init__(self) -> None:
        self.answer: Any = {"keys": [RSA_JWK, EC_JWK]}
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


def token(key: Any = EC_KEY, algorithm: str = "ES256", kid: str | None = "ec") -> str:
    claims = {"sub": str(USER), "role": "authenticated", "aud": "authenticated", "exp": time.time() + 60}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid} if kid else None)


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
    ],
)
async def test_a_token_of_another_key_or_algorithm_is_refused(key, algorithm, kid, keys):
    with pytest.raises(BadTokenError):
        await viewer(keys, token(key, algorithm, kid))


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


async def test_an_issuer_that_is_not_there_is_no_fault_of_ours(issuer):
    with pytest.raises(BadTokenError):
        await viewer(KeySet("http://127.0.0.1:1/jwks.json"), token())
