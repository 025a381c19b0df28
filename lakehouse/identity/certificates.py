"""What is wrong with the certificate of a server, as errors of several libraries say it."""

from __future__ import annotations

import re

_REASON = re.compile(r"certificate verify failed: ([^(]+?) \(_ssl|CERTIFICATE_VERIFY_FAILED")


def untrusted(error: BaseException) -> str | None:
    """Return why a server's certificate is not trusted; None if the error is about no certificate.

    The reason is OpenSSL's, such as 'unable to get local issuer certificate'.
    """
    found = _REASON.search(str(error))
    return (found[1] or "unknown reason") if found else None
