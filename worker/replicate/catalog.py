"""The models that are offered: names from the settings, their inputs from the provider."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import replicate

from engine.seams import Model, ProviderError
from engine.words import GenerationErrorCode
from worker.replicate.api import Api, ModelName
from worker.replicate.faults import TROUBLE, read_fault

__all__ = ["Catalog", "reference_value", "takes_seed"]

NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*(?::\w+)?", re.ASCII)
RETRY_SECONDS = 30.0
DEEPEST = 20

REFERENCE_INPUTS = (
    "image",
    "image_prompt",
    "input_image",
    "image_input",
    "input_images",
    "reference_image",
    "reference_images",
    "init_image",
    "images",
    "control_image",
)
"""Where models take a picture to go by; the first that a model has is its reference input."""
REFERENCE_REF = "#/components/schemas/"


class Catalog:
    """Knows a model's inputs once it was asked for; an outage leaves them open until later."""

    def __init__(self, api: Api, names: Sequence[str]) -> None:
        for name in names:
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no model's name: owner/name or owner/name:version")
        self.api = api
        self.names = names
        self.learned: dict[str, Model] = {}
        self.tried: dict[str, float] = {}
        self.learning: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def models(self) -> Sequence[Model]:
        return [self.learned.get(name) or Model(name=name, provider="replicate") for name in self.names]

    async def load(self) -> None:
        """Asks for all that is not known yet; what cannot be learned stays open."""
        await asyncio.gather(*(self.model(name) for name in self.names), return_exceptions=True)

    async def model(self, name: str) -> Model:
        """With its inputs. Raises ProviderError where the provider cannot be asked now."""
        if name in self.learned:
            return self.learned[name]
        async with self.learning[name]:
            if name not in self.learned:
                self.learned[name] = await self._learn(name)
        return self.learned[name]

    async def _learn(self, name: str) -> Model:
        if time.monotonic() - self.tried.get(name, -RETRY_SECONDS) < RETRY_SECONDS:
            raise ProviderError(
                GenerationErrorCode.PROVIDER_UNAVAILABLE,
                "The provider does not say what the model takes.",
                retryable=True,
            )
        try:
            return described(name, await self.api.model(ModelName.parsed(name)))
        except replicate.NotFoundError:  # some gateways describe no models; a creation will tell
            return described(name, {})
        except TROUBLE as error:
            self.tried[name] = time.monotonic()
            raise read_fault(error) from error


def described(name: str, version: Mapping[str, Any]) -> Model:
    """A model by what the provider says of its version; it may say nothing of the inputs."""
    schemas = _within(version, "openapi_schema", "components", "schemas")
    inputs = _resolved(schemas.get("Input"), schemas, DEEPEST)
    if not isinstance(inputs, dict) or not isinstance(inputs.get("properties"), dict):
        return Model(name=name, provider="replicate")
    reference = next(_reference_inputs(inputs["properties"]), None)
    return Model(name=name, provider="replicate", reference_input=reference, inputs=inputs)


def takes_seed(model: Model) -> bool:
    """Also where nobody knows: an input too many does no harm, a seed that is missing does."""
    return model.inputs is None or "seed" in model.inputs["properties"]


def reference_value(model: Model, name: str, address: str) -> str | list[str]:
    """The reference image's address as this input takes it: one, or a list of one."""
    properties = model.inputs["properties"] if model.inputs else {}
    return [address] if _takes_addresses(properties.get(name)) else address


def _reference_inputs(properties: Mapping[str, Any]) -> Iterator[str]:
    for name in REFERENCE_INPUTS:
        if _takes_address(properties.get(name)) or _takes_addresses(properties.get(name)):
            yield name


def _takes_address(schema: object) -> bool:
    return any(kind.get("type") == "string" and kind.get("format") == "uri" for kind in _kinds(schema))


def _takes_addresses(schema: object) -> bool:
    return any(kind.get("type") == "array" and _takes_address(kind.get("items")) for kind in _kinds(schema))


def _kinds(schema: object) -> Iterator[Mapping[str, Any]]:
    """The schema and, of an input that may be null, what it is otherwise."""
    if not isinstance(schema, dict):
        return
    yield schema
    for word in ("anyOf", "oneOf", "allOf"):
        kinds = schema.get(word)
        yield from (kind for kind in (kinds if isinstance(kinds, list) else ()) if isinstance(kind, dict))


def _within(value: object, *path: str) -> Mapping[str, Any]:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _resolved(schema: object, schemas: Mapping[str, Any], depth: int) -> object:
    """With every reference replaced by what it names, so that it can be read on its own."""
    if depth == 0:
        return {}
    if isinstance(schema, list):
        return [_resolved(each, schemas, depth - 1) for each in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _resolved(schemas.get(reference.removeprefix(REFERENCE_REF), {}), schemas, depth - 1)
    return {name: _resolved(each, schemas, depth - 1) for name, each in schema.items()}
