"""The faults are the faults they are called, as curl and plain sockets see them."""

import socket
import time

import pytest

from harness.curl import curl
from harness.faulty import Faulty, cut_answer
from harness.peer import Refused, answers, drip, reset, says, shut, silent
from harness.ports import free_port
from harness.silence import Blackhole

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def connected(peer):
    connection = socket.create_connection((peer.host, peer.port), 5)
    connection.settimeout(5)
    return connection


def test_refused_is_refused_for_as_long_as_it_stands():
    refused = Refused()
    try:
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                connected(refused)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((refused.host, refused.port))
    finally:
        refused.stop()


def test_a_blackhole_never_connects():
    hole = Blackhole(free_port())
    try:
        assert curl(f"http://127.0.0.1:{hole.port}/", "--connect-timeout", "0.5").code == 28
    finally:
        hole.close()


def test_a_reset_at_once_and_after_bytes(peer):
    # It may come before connecting has returned.
    with pytest.raises(ConnectionResetError), connected(peer(reset())) as client:
        client.recv(1)
    made = peer(reset(after=10))
    with connected(made) as client:
        client.sendall(b"012345678")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.sendall(b"9")
        client.settimeout(5)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert made.received == [b"0123456789"]


def test_an_end_in_order_is_no_reset(peer):
    with connected(peer(shut())) as client:
        client.sendall(b"unread")
        assert client.recv(1) == b""


def test_half_open_takes_all_and_answers_nothing(peer):
    made = peer(silent())
    assert curl(made.url, timeout=1).code == 28
    assert made.received[0].startswith(b"GET / HTTP/1.1\r\n")


def test_a_drip_is_slow(peer):
    with connected(peer(drip(b"abc", every=0.2))) as client:
        before = time.monotonic()
        assert [client.recv(10) for _ in range(3)] == [b"a", b"b", b"c"]
        assert 0.35 < time.monotonic() - before < 5


def test_answers_over_plain_tcp_and_tls(peer, authority):
    assert curl(peer(answers(ANSWER)).url).body == b"ok"
    made = peer(answers(ANSWER), authority.issue())
    assert curl(made.url, "--cacert", authority.ca_file).body == b"ok"
    assert curl(made.url).code == 60
    assert len(made.handshakes_failed) == 1


def test_a_banner_then_a_reset(peer):
    with connected(peer(says(b"220 ready\r\n", then=reset(after=1)))) as client:
        assert client.recv(100) == b"220 ready\r\n"
        client.sendall(b"E")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_certificate_of_the_client_is_wanted_in_the_handshake(peer, authority):
    certificate = authority.issue()
    certificate.mutual = True
    made = peer(answers(ANSWER), certificate)
    client = authority.client()
    ca = ("--cacert", authority.ca_file)
    assert curl(made.url, *ca).code in (35, 55, 56)
    assert "did not return a certificate" in made.handshakes_failed[0]
    assert curl(made.url, *ca, "--cert", client.cert_file, "--key", client.key_file).body == b"ok"


def test_a_peer_on_a_unix_socket(peer, tmp_path):
    path = tmp_path / "peer.sock"
    made = peer(answers(ANSWER), path=path)
    assert curl("http://localhost/", "--unix-socket", path).body == b"ok"
    made.stop()
    assert not path.exists()


def test_a_proxy_of_faults_stands_before_any_server(redis):
    server = redis()
    between = Faulty(server)
    try:
        asked = ("-h", between.host, "-p", between.port)
        assert server.cli("PING", args=asked) == "PONG"
        between.does(cut_answer(after=0))
        assert "reset by peer" in server.cli("PING", args=asked)
    finally:
        between.stop()
