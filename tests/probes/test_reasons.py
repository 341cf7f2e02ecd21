"""Each reason for which an HTTP probe fails, made for real: what the page and the log say, and that it ends.

What TLS has to do with is in test_reasons_tls.py, what takes a network of one's own in test_reasons_network.py.
"""

import gzip

import pytest
from harness.failing import Watched, http
from harness.faulty import Faulty, cut_answer, through
from harness.peer import answers, drip, reset, says, shut, silent
from harness.ports import free_port
from harness.silence import Blackhole

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"


def nothing_listens(use):
    site = use("nginx")()
    site.stop()
    return http(site.url + "/", mend=site.start)


def backlog_full(use):
    full = use("closing")(Blackhole(free_port()))
    return http(f"http://127.0.0.1:{full.port}/", timeout="500ms")


def peer(fault, timeout="2s", good=OK, **settings):
    """A peer that does this, and then what a good server does."""

    def make(use):
        made = use("peer")(fault)
        return http(made.url + "/", lambda: made.does(answers(good)), timeout, **settings)

    return make


def body_cut_by_reset(use):
    site = use("nginx")()
    between = use("closing")(Faulty(site))
    between.does(cut_answer(after=5_000))
    return http(between.url + "/plain-text", lambda: between.does(through()))


def page(path, mend=None, timeout="2s", **settings):
    """A page of nginx."""
    return lambda use: http(use("nginx")().url + path, None, timeout, **settings)


def file(name, bad, good, **settings):
    """A file of nginx with a bad text, until it is given a good one."""

    def make(use):
        site = use("nginx")()
        site.write(name, bad)
        return http(f"{site.url}/files/{name}", lambda: site.write(name, good), **settings)

    return make


def missing_password(use):
    site, password = use("nginx")(), use("tmp_path") / "password"
    basic = {"username": "alice", "password_file": str(password)}
    return http(site.url + "/private", lambda: password.write_text("correct horse\n"), basic_auth=basic)


def wrong_password(use):
    site, password = use("nginx")(), use("tmp_path") / "password"
    password.write_text("wrong horse\n")
    basic = {"username": "alice", "password_file": str(password)}
    return http(site.url + "/private", lambda: password.write_text("correct horse\n"), basic_auth=basic)


def missing_body(use):
    site, body = use("nginx")(), use("tmp_path") / "body"
    body.write_text("hello")
    return http(site.url + "/", lambda: body.write_text("hello"), begin=body.unlink, body_file=str(body))


def response(*headers, body=b"ok\n", version="HTTP/1.1", status="200 OK"):
    lines = [f"{version} {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


STATUS = {"path": "$.status", "equals": "ok"}
HEADER = {"header": "X-Version", "regexp": "^2"}
GZIPPED = gzip.compress(b"ok\n" * 1000)

FAULTS = {
    "nothing listens": (nothing_listens, "tcp_refused", "connect", "Connection refused"),
    "a full backlog": (backlog_full, "tcp_timeout", "connect", "deadline of 500ms exceeded"),
    "a reset instead of an answer": (peer(reset(after=1)), "tcp_reset", "processing", "reset"),
    "a reset in the middle": (body_cut_by_reset, "tcp_reset", "transfer", "reset"),
    "closed without an answer": (peer(answers(b"")), "http_closed", "processing", ""),
    "closed at once": (peer(shut()), "http_closed", "processing", ""),
    "closed in the head": (peer(answers(b"HTTP/1.1 200 OK\r\nContent-")), "http_closed", "transfer", ""),
    "closed in the body": (peer(answers(HALF)), "http_closed", "transfer", ""),
    "half-open": (peer(silent(), "500ms"), "http_timeout", "processing", "deadline of 500ms exceeded"),
    "an answer too late": (
        page("/late/5", timeout="500ms"),
        "http_timeout",
        "processing",
        "deadline of 500ms exceeded",
    ),
    "a head that drips": (
        peer(answers(b"", then=drip(OK, 0.1)), "500ms"),
        "http_timeout",
        "transfer",
        "deadline of 500ms exceeded",
    ),
    "a body that drips": (page("/trickle", timeout="1s"), "http_timeout", "transfer", "deadline of 1s exceeded"),
    "no HTTP": (peer(answers(b"220 mail.example ESMTP\r\n")), "http_protocol", "transfer", ""),
    "one that speaks first": (peer(says(b"220 mail.example ESMTP\r\n")), "http_protocol", "transfer", ""),
    "a status": (page("/status/503"), "http_status", "processing", "503"),
    "a wrong password": (wrong_password, "http_status", "processing", "401"),
    "an old version": (
        peer(answers(response(version="HTTP/1.0")), valid_http_versions=["HTTP/1.1"]),
        "http_version",
        "processing",
        "HTTP/1.0, not HTTP/1.1",
    ),
    "redirects without end": (page("/loop"), "too_many_redirects", "processing", "10"),
    "a redirect to another scheme": (page("/to?url=ftp://x/"), "bad_redirect", "processing", "ftp is not http"),
    "a word in the body": (
        file("health", "queue: stuck\n", "queue: moving\n", fail_if_body_matches_regexp=["stuck"]),
        "body_mismatch",
        "transfer",
        "matches `stuck`",
    ),
    "no word in the body": (
        file("health", "database: down\n", "database: ok\n", fail_if_body_not_matches_regexp=["database: ok"]),
        "body_mismatch",
        "transfer",
        "does not match `database: ok`",
    ),
    "no header": (
        peer(answers(OK), good=response("X-Version: 2.1"), fail_if_header_not_matches=[HEADER]),
        "header_mismatch",
        "processing",
        "no header x-version",
    ),
    "a header": (
        peer(answers(response("X-Version: 2.1")), good=response("X-Version: 3"), fail_if_header_matches=[HEADER]),
        "header_mismatch",
        "processing",
        "the header x-version matches",
    ),
    "a body that is not compressed": (
        peer(answers(OK), good=response(body=GZIPPED), compression="gzip"),
        "body_compression",
        "transfer",
        "not compressed as it should be",
    ),
    "a body that is cut": (
        peer(
            answers(response("Content-Encoding: gzip", body=GZIPPED[:-12])),
            good=response(body=GZIPPED),
            compression="gzip",
        ),
        "body_compression",
        "transfer",
        "not compressed as it should be",
    ),
    "a large body": (
        file("large", "x" * 5000, "x" * 4000, body_size_limit="4KiB"),
        "body_too_large",
        "transfer",
        "body_size_limit",
    ),
    "no file with the password": (missing_password, "credentials", "processing", "open ", "/password", "No such file"),
    "no file with the body": (missing_body, "credentials", "processing", "open ", "/body", "No such file"),
    "a body that is no JSON": (
        file("health", "<html>", '{"status": "ok"}', json=[STATUS]),
        "body_not_json",
        "transfer",
        "",
    ),
    "JSON that says something else": (
        file("health", '{"status": "failing"}', '{"status": "ok"}', json=[STATUS]),
        "json_mismatch",
        "transfer",
        "$.status",
    ),
    "no TLS": (page("/", fail_if_not_ssl=True), "tls_missing", "tls", ""),
}


@pytest.fixture
def closing(request):
    """Closes what it is given when the test is over."""

    def keep(thing):
        request.addfinalizer(thing.close)
        return thing

    return keep


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_has_its_reason_until_it_ends(fault, agent, http_receiver, request):
    make, reason, phase, *says = fault
    watched = Watched(agent, http_receiver, make(request.getfixturevalue))
    watched.fails_with(reason, phase, *says).recovers()
