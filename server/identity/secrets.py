"""What the data folder keeps: the generated secret and the local user's id."""

import os
import secrets
from pathlib import Path
from uuid import UUID, uuid4

from server.settings import Settings, SettingsError

__all__ = ["jwt_secret", "local_user", "signing_secret"]


def jwt_secret(settings: Settings) -> bytes | None:
    """The secret that signs tokens: the one set, or one made once; None where only a JWKS counts."""
    if settings.jwt_secret is not None:
        return settings.jwt_secret.get_secret_value().encode()
    if settings.jwks_url is not None:
        return None
    return _kept(settings.data_dir / "jwt-secret", secrets.token_hex(32)).encode()


def signing_secret(settings: Settings) -> bytes:
    """The secret of file addresses; all processes of one service must have the same."""
    if settings.signing_secret is not None:
        return settings.signing_secret.get_secret_value().encode()
    return jwt_secret(settings) or _kept(settings.data_dir / "signing-secret", secrets.token_hex(32)).encode()


def local_user(settings: Settings) -> UUID:
    """Who the browser and the command line are in local mode."""
    return UUID(_kept(settings.data_dir / "local-user", str(uuid4())))


def _kept(file: Path, value: str) -> str:
    """The file's content, or this value, which is then kept there. Raises SettingsError."""
    try:
        return _read_or_written(file, value)
    except OSError as error:
        raise SettingsError(
            f"The setting BATCH_STUDIO_DATA_DIR cannot be used: {error.strerror}: {file.name}."
        ) from error


def _read_or_written(file: Path, value: str) -> str:
    """Written once, whole, readable by its owner alone. Safe between processes."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
    if not file.exists():
        draft = file.with_name(f"{file.name}.{uuid4()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(value)
        _link_once(draft, file)
    return file.read_text().strip()


def _link_once(draft: Path, file: Path) -> None:
    """Of two processes that start at once, the first one's value stays."""
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
