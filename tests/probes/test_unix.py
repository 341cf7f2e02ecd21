"""Probes of sockets of this host, and each way of failing."""

import socket

import pytest
from harness.peer import Peer, answers, says, shut, silent
from harness.probes import failure, patience, probed
from harness.sections import probing


def run(agent, target, timeout="2s", **unix):
    return probed(agent(probing({"name": "socket", "unix": {"path": target} | unix, "timeout": timeout})), target)


@pytest.fixture
def listening(request, tmp_path):
    """`listening(fault)` is the path of a socket."""

    def start(fault, certificate=None):
        path = tmp_path / "app.sock"
        made = Peer(fault, certificate, path=path)
        request.addfinalizer(made.stop)
        return str(path)

    return start


def test_a_socket_is_talked_to(agent, listening):
    target = listening(answers(b"pong\n", end=b"ping\n"))
    page = run(agent, target, query_response=[{"send": "ping"}, {"expect": "^pong$"}])
    assert failure(page, target) is None
    assert page.value("probe_failed_due_to_regex", instance=target) == 0
    assert page.value("probe_unix_duration_seconds", instance=target, phase="query") > 0


def test_tls_is_spoken_over_a_socket(agent, listening, authority):
    certificate = authority.issue()
    target = listening(says(b"220 ready\r\n"), certificate)
    tls = {"ca_file": str(certificate.ca_file), "server_name": "localhost"}
    page = run(agent, target, tls=True, tls_config=tls, query_response=[{"expect": "^220"}])
    assert failure(page, target) is None
    assert page.value("probe_ssl_earliest_cert_expiry", instance=target) == certificate.expires


@pytest.mark.parametrize(
    "fault, expected",
    [
        (says(b"500 busy\r\n", then=shut()), ("expect_mismatch", "query")),
        (silent(), ("timeout", "query")),
    ],
    ids=["other", "silent"],
)
def test_each_fault_of_a_conversation_has_its_reason(agent, listening, fault, expected):
    target = listening(fault)
    page = run(agent, target, timeout=patience(expected[0]), query_response=[{"expect": "^220"}])
    assert failure(page, target) == expected


def test_each_fault_of_connecting_has_its_reason(agent, tmp_path):
    missing = str(tmp_path / "none.sock")
    assert failure(run(agent, missing), missing) == ("unix_missing", "connect")
    left = str(tmp_path / "left.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(left)
    assert failure(run(agent, left), left) == ("unix_refused", "connect")
