"""How S3 servers are asked, in botocore's words: limits of time, and what becomes of files."""

from __future__ import annotations

from dataclasses import dataclass

_RETRIES = {"mode": "standard", "total_max_attempts": 2}
LIMITS = {"connect_timeout": 5, "read_timeout": 20, "retries": _RETRIES}
"""Limits for a request, in seconds; s3fs repeats some."""
AES256 = "AES256"


@dataclass(frozen=True)
class Encryption:
    """What the server is asked to do with each file that is written: it keeps it encrypted."""

    kms_key: str | None = None
    """The key of KMS; None means keys that S3 keeps itself."""


def with_files(encryption: Encryption | None) -> dict[str, str]:
    """Return what a request that writes a file says of encryption."""
    if encryption is None:
        return {}
    if encryption.kms_key is None:
        return {"ServerSideEncryption": AES256}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption.kms_key}
