"""Trusted documents: a manifest of what clients were built with, beside which nothing else runs."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from server.settings import SettingsError

__all__ = ["TrustedDocuments", "load_trusted", "with_document_id"]

PREFIX = "sha256:"


class TrustedDocuments:
    """The documents by the SHA-256 of their text, in hex."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self.documents = documents

    def __contains__(self, text: str) -> bool:
        return _digest(text) in self.documents

    def named(self, extensions: Mapping[str, Any] | None) -> str | None:
        """The document whose hash is in `extensions.persistedQuery`.

        An unknown hash comes back itself, a text that is trusted as little as it is; None without a hash.
        """
        asked = (extensions or {}).get("persistedQuery")
        digest = asked.get("sha256Hash") if isinstance(asked, dict) else None
        return self.documents.get(digest, digest) if isinstance(digest, str) else None


def with_document_id(extensions: dict[str, Any] | None, id: str | None) -> dict[str, Any] | None:
    """The extensions, in which `documentId`, the other way to name a document, has become persistedQuery.

    https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md
    """
    if id is None:
        return extensions
    return {**(extensions or {}), "persistedQuery": {"sha256Hash": id.removeprefix(PREFIX)}}


def load_trusted(path: Path) -> TrustedDocuments:
    """From a JSON object {hash: document}. Raises SettingsError where it is none, or a hash is another's."""
    try:
        documents = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise _unusable(type(error).__name__) from error
    if not isinstance(documents, dict) or not all(isinstance(each, str) for each in documents.values()):
        raise _unusable("it must be a JSON object of documents by their SHA-256")
    for digest, text in documents.items():
        if _digest(text) != digest:
            raise _unusable(f"{digest} is not the SHA-256 of its document")
    return TrustedDocuments(documents)


def _unusable(reason: str) -> SettingsError:
    return SettingsError(f"The setting BATCH_STUDIO_TRUSTED_DOCUMENTS cannot be used: {reason}.")


def _digest(text: str) -> str:
    return sha256(text.encode(errors="surrogatepass")).hexdigest()
