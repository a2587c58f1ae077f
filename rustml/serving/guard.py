"""What a request must be before an engine sees it: a key, a listed path, a size, and a signature for a webhook."""

import base64
import hashlib
import hmac
import time

from starlette.datastructures import Headers

HEALTH = "/health"
WEBHOOK = "/hooks/mlflow"
METHODS = {"/v1/models": "GET", "/metrics": "GET"}
"""Of the paths that are not asked with POST."""
WEBHOOK_AGE = 300.0
"""Seconds between a webhook's time stamp and now; an older one may be a recording."""


class Refusal(Exception):
    """A request is answered with an error; `kind` is its `type`, as OpenAI's API names it."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status, self.message, self.kind = status, message, kind


def check_key(headers: Headers, key: str) -> None:
    """Raises Refusal 401 where a key is asked for and the request has another one or none."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    digests = [hashlib.sha256(text.encode()).digest() for text in (given.strip(), key)]  # of equal length
    if key and not (scheme.lower() == "bearer" and hmac.compare_digest(*digests)):
        raise Refusal(401, "a key is needed: Authorization: Bearer KEY", "authentication_error")


def check_path(method: str, path: str, paths: tuple[str, ...]) -> None:
    """Raises Refusal 404 for a path that is not listed, 405 for another method than the path's own."""
    if path not in paths:
        raise Refusal(404, "no such path", "not_found_error")
    if method != METHODS.get(path, "POST"):
        raise Refusal(405, f"ask this path with {METHODS.get(path, 'POST')}")


def check_size(size: int, limit_kb: int) -> None:
    """Raises Refusal 413 for a body of more than `limit_kb` KiB."""
    if size > limit_kb << 10:
        raise Refusal(413, f"a request may hold {limit_kb} KiB")


def check_webhook(headers: Headers, body: bytes, secret: str) -> None:
    """Raises Refusal 401 unless MLflow signed the body with `secret` within the last minutes.

    The signature is `v1,` and the base64 of HMAC-SHA256 over `ID.TIMESTAMP.BODY` (mlflow/webhooks/delivery.py).
    """
    identity, stamp = headers.get("x-mlflow-delivery-id", ""), headers.get("x-mlflow-timestamp", "")
    signed = hmac.new(secret.encode(), f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(signed).decode()}"
    fresh = stamp.isascii() and stamp.isdigit() and abs(time.time() - int(stamp)) <= WEBHOOK_AGE
    if not (hmac.compare_digest(expected.encode(), headers.get("x-mlflow-signature", "").encode()) and fresh):
        raise Refusal(401, "the webhook's signature or time does not hold", "authentication_error")
