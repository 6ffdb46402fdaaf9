"""The settings: the one place that reads the environment."""

from collections.abc import Collection
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

__all__ = ["Settings", "SettingsError", "load_settings", "refuse_open_door"]

SHORTEST_SECRET = 32
STORAGES = ("file", "s3", "gs", "az")
WEB_SCHEMES = ("http", "https")
NATS_SCHEMES = ("nats", "tls")
DEFAULT_MODELS = (
    "black-forest-labs/flux-schnell",
    "black-forest-labs/flux-dev",
    "black-forest-labs/flux-kontext-pro",
    "google/imagen-4",
    "bytedance/seedream-4",
)
Words = Annotated[tuple[str, ...], NoDecode]


class SettingsError(Exception):
    """A setting cannot be used; the text names it and holds no value."""


class Settings(BaseSettings):
    """Everything that can be set; BATCH_STUDIO_<NAME> unless an alias says otherwise."""

    model_config = SettingsConfigDict(
        env_prefix="BATCH_STUDIO_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL", repr=False)
    migration_url: str | None = Field(default=None, repr=False)
    data_dir: Path = Path(".batch-studio")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    public_url: str | None = None
    jwt_secret: SecretStr | None = None
    jwks_url: str | None = None
    jwt_audience: str = "authenticated"
    jwt_issuer: str | None = None
    signing_secret: SecretStr | None = None
    replicate_api_token: SecretStr | None = Field(default=None, validation_alias="REPLICATE_API_TOKEN")
    replicate_url: str = "https://api.replicate.com"
    replicate_webhook_secret: SecretStr | None = None
    webhooks: Literal["on", "off"] | None = None
    cog_url: str | None = None
    models: Words = DEFAULT_MODELS
    default_model: str | None = None
    storage_url: str | None = None
    nats_url: Words = Field(default=(), repr=False)
    allowed_origins: Words = ()
    concurrency: int = Field(default=100, ge=1, le=10_000)
    creates_per_minute: int = Field(default=600, ge=1)
    settle_seconds: float = Field(default=60, ge=0)
    deadline_seconds: float = Field(default=600, ge=1)
    max_batch: int = Field(default=10_000, ge=1)
    max_queued: int = Field(default=20_000, ge=1)
    max_running: int = Field(default=100, ge=1)
    max_sockets: int = Field(default=10, ge=1)
    max_operations: int = Field(default=20, ge=1)
    max_depth: int = Field(default=12, ge=1, le=100)
    max_fields: int = Field(default=500, ge=1, le=100_000)
    max_aliases: int = Field(default=30, ge=0)
    max_directives: int = Field(default=8, ge=0)
    max_tokens: int = Field(default=2_000, ge=1)
    max_cost: int = Field(default=10_000, ge=1)
    introspection: Literal["everybody", "claim", "nobody"] | None = None
    trusted_documents: Path | None = None
    mutations_per_minute: int = Field(default=600, ge=1)
    sockets_per_minute: int = Field(default=120, ge=1)
    shared_rates: Literal["on", "off"] = "off"
    trusted_proxies: Words = ()
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = Field(default=None, ge=1, le=65535)
    otel_endpoint: str | None = Field(
        default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT", repr=False
    )
    log_level: str = "info"

    @field_validator("allowed_origins", "models", "nats_url", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @field_validator("jwt_secret", "signing_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < SHORTEST_SECRET:
            raise ValueError(f"must have at least {SHORTEST_SECRET} bytes")
        return value

    @field_validator("public_url", "jwks_url")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not _is_web_address(value):
            raise ValueError("must be an http or https address")
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_is_web_address(each) and urlsplit(each).path in {"", "/"} for each in value):
            raise ValueError("must be origins such as https://studio.example, separated by commas")
        return value

    @field_validator("storage_url")
    @classmethod
    def _known_storage(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in STORAGES:
            raise ValueError(f"must begin with one of {', '.join(f'{each}://' for each in STORAGES)}")
        return value

    @field_validator("nats_url")
    @classmethod
    def _nats_servers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_is_address(each, NATS_SCHEMES) for each in value):
            raise ValueError("must be nats:// or tls:// addresses, separated by commas")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_is_network(each) for each in value):
            raise ValueError("must be addresses or networks such as 10.0.0.0/8, separated by commas")
        return value

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in {"debug", "info", "warning", "error"}:
            raise ValueError("must be debug, info, warning or error")
        return value.lower()

    @property
    def address(self) -> str:
        """What signed addresses and webhooks start with, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def webhooks_on(self) -> bool:
        """By default where the provider can reach us."""
        return self.webhooks == "on" or (self.webhooks is None and self.address.startswith("https://"))

    @property
    def on_loopback(self) -> bool:
        try:
            return self.host == "localhost" or ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def local_mode(self) -> bool:
        """Nobody but this machine can ask, and the local user needs no login."""
        return self.jwt_secret is None and self.jwks_url is None and self.on_loopback

    @property
    def own_hosts(self) -> frozenset[str]:
        """What a Host header of a request to this very service may say."""
        return self.loopback_hosts | {urlsplit(self.address).netloc}

    @property
    def loopback_hosts(self) -> frozenset[str]:
        """What a Host header says of who asks on this very machine; none where others may ask as well."""
        names = ("127.0.0.1", "localhost", "[::1]") if self.on_loopback else ()
        return frozenset(f"{name}:{self.port}" for name in names)

    @property
    def storage(self) -> str:
        return self.storage_url or (self.data_dir.resolve() / "files").as_uri()

    @property
    def owner_url(self) -> str | None:
        """The login that migrates; None with the embedded database."""
        return self.migration_url or self.database_url


def refuse_open_door(settings: Settings) -> None:
    """Raises SettingsError where anybody in the network could be anybody."""
    if settings.jwt_secret is None and settings.jwks_url is None and not settings.on_loopback:
        raise SettingsError(
            "Serving beyond this machine needs BATCH_STUDIO_JWT_SECRET or BATCH_STUDIO_JWKS_URL."
        )


def load_settings(**given: object) -> Settings:
    """From the environment and .env; what is given goes before both. Raises SettingsError."""
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        prefix = "" if name == "DATABASE_URL" else "BATCH_STUDIO_"
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"The setting {prefix}{name} cannot be used: {reason}.") from None


def _is_web_address(value: str) -> bool:
    return _is_address(value, WEB_SCHEMES)


def _is_network(value: str) -> bool:
    try:
        ip_network(value)
    except ValueError:
        return False
    return True


def _is_address(value: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
