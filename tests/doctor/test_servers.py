"""What an S3 server answers is said in one line, with its address and what to do."""

import json

import authority
import pytest
from loopback import Scripted, other, production

from lakehouse.config import load
from lakehouse.doctor import servers
from lakehouse.errors import ServerError

ANSWERS = {
    401: (b"", "refuses to write to s3://lake/warehouse: 401", "may this key"),
    403: (
        b"<Error><Code>AccessDenied</Code></Error>",
        "refuses to write to s3://lake/warehouse: AccessDenied, HTTP 403",
        "may this key",
    ),
    503: (b"<html>down</html>", "fails to write to s3://lake/warehouse", "its log says why"),
}


def s3(folder, url):
    """The probe of an S3 server at a URL."""
    variables = production(folder, url, json.dumps("secret"))
    return servers.probes(load(folder, variables))["s3"]


@pytest.mark.long
@pytest.mark.parametrize("status", ANSWERS)
def test_a_refusal_of_s3_is_said(tmp_path, status):
    body, message, cure = ANSWERS[status]
    with Scripted(other(status, body)) as server:
        server._server.RequestHandlerClass.do_PUT = server._server.RequestHandlerClass.do_GET
        with pytest.raises(ServerError) as told:
            s3(tmp_path, server.url)()
        assert told.value.message.startswith(f"S3 at {server.url} {message}")
    assert cure in told.value.hint
    assert "\n" not in told.value.message


@pytest.mark.long
def test_a_certificate_of_s3_that_is_not_trusted_is_said(tmp_path):
    certificate = authority.Authority(tmp_path).signed_by_itself()
    with (
        authority.serving(certificate, other(200, b"")) as url,
        pytest.raises(ServerError, match=f"S3 at {url} has a certificate") as told,
    ):
        s3(tmp_path, url)()
    assert "AWS_CA_BUNDLE" in told.value.hint
