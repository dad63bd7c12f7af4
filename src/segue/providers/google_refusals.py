"""What Google Cloud says when it refuses: a gRPC status, a sentence, and details that tell the real reason."""

import importlib
from dataclasses import dataclass
from typing import Any

from segue.errors import FailureCategory

OF_STATUS = {
    "UNAUTHENTICATED": FailureCategory.AUTH,
    "PERMISSION_DENIED": FailureCategory.AUTH,
    "RESOURCE_EXHAUSTED": FailureCategory.RATE_LIMIT,
    "INVALID_ARGUMENT": FailureCategory.BAD_REQUEST,
    "FAILED_PRECONDITION": FailureCategory.BAD_REQUEST,
    "OUT_OF_RANGE": FailureCategory.BAD_REQUEST,
    "NOT_FOUND": FailureCategory.UNSUPPORTED,
    "UNIMPLEMENTED": FailureCategory.UNSUPPORTED,
    "UNAVAILABLE": FailureCategory.NETWORK,
    "DEADLINE_EXCEEDED": FailureCategory.TIMEOUT,
    "CANCELLED": FailureCategory.TRUNCATED,
    "ABORTED": FailureCategory.TRUNCATED,
    "DATA_LOSS": FailureCategory.TRUNCATED,
}
"""The category of each status; the others are the server's fault."""

KEY_WORDS = ("api_key", "api key not valid", "api key expired")
"""A wrong API key is told as INVALID_ARGUMENT, with the reason API_KEY_INVALID."""
UNSUITABLE_WORDS = ("too long", "longer than the limit", "does not exist", "not supported", "does not support")
"""What an INVALID_ARGUMENT says where the request is well-formed, but more than this voice or model can do."""
QUOTA_WORDS = ("billing", "per day", "perday", "per month", "permonth", "1/d/", "1/mo/")
"""Every limit is told as `Quota exceeded`, those per minute too; only these do not pass by themselves soon."""


def categorize(status: str, said: str) -> FailureCategory:
    """The category of a gRPC status with everything that was said about it."""
    said = said.lower()
    if status in {"INVALID_ARGUMENT", "FAILED_PRECONDITION"}:
        if any(word in said for word in KEY_WORDS):
            return FailureCategory.AUTH
        if any(word in said for word in UNSUITABLE_WORDS):
            return FailureCategory.UNSUPPORTED
    if status in {"RESOURCE_EXHAUSTED", "PERMISSION_DENIED", "FAILED_PRECONDITION"}:
        if "larger than max" in said:
            return FailureCategory.SERVER
        if any(word in said for word in QUOTA_WORDS):
            return FailureCategory.QUOTA
    return OF_STATUS.get(status, FailureCategory.SERVER)


@dataclass(frozen=True, slots=True)
class Details:
    """What a refusal adds to its sentence: reasons with their metadata, and the seconds it asks us to wait."""

    reasons: tuple[str, ...] = ()
    retry_after_s: float | None = None


def details(error: Any) -> Details:
    """The details of a gRPC error; none where it has none, or none that can be read."""
    packed = next((value for key, value in error.trailing_metadata() or () if key == "grpc-status-details-bin"), None)
    if packed is None:
        return Details()
    statuses = importlib.import_module("google.rpc.status_pb2")
    kinds = importlib.import_module("google.rpc.error_details_pb2")
    unreadable = importlib.import_module("google.protobuf.message").DecodeError
    reasons: list[str] = []
    retry_after_s: float | None = None
    try:
        for detail in statuses.Status.FromString(packed).details:
            info, retry = kinds.ErrorInfo(), kinds.RetryInfo()
            if detail.Unpack(info):
                reasons += [info.reason, *info.metadata.values()]
            elif detail.Unpack(retry):
                retry_after_s = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    except unreadable:
        return Details()
    return Details(tuple(reasons), retry_after_s)
