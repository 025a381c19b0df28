"""How a bucket is to encrypt, as a setting says it: AES256, or the name of a key of KMS."""

from __future__ import annotations

import re

from lakehouse.errors import ConfigError
from lakehouse.system.aws_requests import AES256, Encryption

_ID = "(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_KEY = re.compile(rf"arn:[a-z-]+:kms:[\w:/.-]+|alias/[\w/-]+|{_ID}", re.ASCII)


def encryption(text: str | None) -> Encryption | None:
    """Return what the server is to be asked for; None: what the bucket does by itself.

    Raises ConfigError for another text, which is not repeated: it may be a secret key.
    """
    if not text:
        return None
    if text == AES256:
        return Encryption()
    if not _KEY.fullmatch(text):
        raise ConfigError(
            "LAKEHOUSE_S3_ENCRYPTION names no encryption",
            hint=f"set it, or `s3_encryption`, to {AES256} or to a key of KMS: its ARN, its id or"
            " alias/…; unset, a bucket encrypts as it is told on its own side",
        )
    return Encryption(text)
