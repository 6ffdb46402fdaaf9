"""Uploads of reference images: what is asked for, and where to put it."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from schema.payloads import UserError

__all__ = ["CreateReferenceUploadInput", "ReferenceUpload", "ReferenceUploadPayload"]


@strawberry.input(description="A reference image that is to be uploaded.")
class CreateReferenceUploadInput:
    content_type: str = strawberry.field(description="image/png, image/jpeg or image/webp.")
    byte_size: int = strawberry.field(description="Of the file, exactly; at most 20 MB.")


@strawberry.type(description="A place for one reference image.")
class ReferenceUpload:
    upload_url: str = strawberry.field(description="Where to send the file, once; it needs no token.")
    method: str = strawberry.field(description="How to send it: PUT.")
    headers: JSON = strawberry.field(description="Headers to send with it, by name.")
    reference_url: str = strawberry.field(
        description=(
            "Stands for the image in startBatch, generateImage and regenerateBatch, for its owner alone. "
            "An image that no work was started with is removed after a day."
        )
    )
    expires_at: datetime = strawberry.field(description="Until when it may be sent.")


@strawberry.type(description="The place for a reference image, or why there is none.")
class ReferenceUploadPayload:
    upload: ReferenceUpload | None = strawberry.field(default=None, description="Where to put it.")
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Empty where there is a place for it."
    )
