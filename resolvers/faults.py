"""Errors that a resolver raises on purpose: each has a code for the client and a text fit for it."""

from graphql import GraphQLError

from engine.cursors import BadCursorError

__all__ = ["Fault", "UnavailableFault", "as_fault", "bad_input", "unauthenticated"]


class Fault(GraphQLError):  # noqa: N818 - GraphQL calls it an error already
    """An error that may reach the client as it is; all others are masked."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, extensions={"code": code})


def bad_input(message: str) -> Fault:
    """The document or a variable holds a value that cannot be used."""
    return Fault("BAD_INPUT", message)


def unauthenticated() -> Fault:
    """The field needs a caller."""
    return Fault("UNAUTHENTICATED", "This needs a token: Authorization: Bearer JWT.")


class UnavailableFault(Fault):
    """The database is away."""

    def __init__(self) -> None:
        super().__init__(
            "UNAVAILABLE", "The database does not answer at the moment. Try again in a few seconds."
        )


def as_fault(error: BaseException | None) -> Fault | None:
    """What an expected exception means to the client; None for one that only the log may tell."""
    return bad_input(str(error)) if isinstance(error, BadCursorError) else None
