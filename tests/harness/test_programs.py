"""The servers written in Python are what their tables say, as other clients see them."""

import asyncio
import smtplib
import ssl

import grpc
import pytest
import websockets
from grpc_health.v1 import health_pb2, health_pb2_grpc

from harness.curl import curl, handshake
from harness.http import request
from harness.smtp import refusing


def trusting(authority):
    return ssl.create_default_context(cafile=authority.ca_file)


def test_smtp_with_starttls(smtp, authority):
    server = smtp(authority.issue())
    with smtplib.SMTP(server.host, server.port, local_hostname="client.test") as client:
        assert "starttls" in client.ehlo("client.test")[1].decode().lower()
        assert client.starttls(context=trusting(authority))[0] == 220
        client.sendmail("a@client.test", ["b@mail.test"], "Subject: hello\r\n\r\nyou")
    seen = [(entry["command"], entry["argument"], bool(entry["tls"])) for entry in server.commands]
    assert seen[:3] == [("EHLO", "client.test", False), ("STARTTLS", "", False), ("EHLO", "client.test", True)]
    assert [command for command, *_ in seen[3:]] == ["MAIL", "RCPT", "DATA", "QUIT"]
    assert server.recorded("message")[0]["to"] == ["b@mail.test"]
    assert handshake(server.address, "-starttls", "smtp", ca_file=authority.ca_file)[0]


def test_smtp_without_starttls_and_with_tls_from_the_start(smtp, authority):
    plain = smtp()
    with smtplib.SMTP(plain.host, plain.port) as client:
        assert not client.has_extn("starttls") and client.noop()[0] == 250
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.starttls()
    implicit = smtp(authority.issue(), implicit=True)
    assert curl(f"smtps://localhost:{implicit.port}", "--cacert", authority.ca_file, "-X", "NOOP").code == 0
    assert implicit.commands[0]["tls"].startswith("TLSv1.")


def test_smtp_that_refuses(smtp, authority):
    peer = refusing()
    try:
        with pytest.raises(smtplib.SMTPConnectError, match="554"):
            smtplib.SMTP(peer.host, peer.port)
    finally:
        peer.stop()
    later = smtp(authority.issue(), replies={"STARTTLS": "454 TLS not available"})
    with smtplib.SMTP(later.host, later.port) as client, pytest.raises(smtplib.SMTPResponseException, match="454"):
        client.starttls()


def check(server, service, credentials=None, metadata=(), timeout=5):
    address = f"localhost:{server.port}"
    channel = grpc.secure_channel(address, credentials) if credentials else grpc.insecure_channel(address)
    with channel:
        asked = health_pb2.HealthCheckRequest(service=service)
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(asked, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            return error.code().name
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def test_grpc_services_that_serve_and_that_do_not(grpc_health):
    server = grpc_health()
    services = ("", "shop.Orders", "shop.Stock", "shop.New", "shop.Absent")
    assert [check(server, service) for service in services] == [
        "SERVING",
        "SERVING",
        "NOT_SERVING",
        "UNKNOWN",
        "NOT_FOUND",
    ]
    server.set("shop.Orders", "NOT_SERVING")
    assert check(server, "shop.Orders") == "NOT_SERVING"


def test_grpc_calls_are_told_with_their_metadata(grpc_health):
    server = grpc_health()
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    check(server, "shop.Orders", metadata=(("traceparent", parent), ("authorization", "Bearer x")))
    (call,) = server.calls
    assert call["method"] == "/grpc.health.v1.Health/Check"
    assert (call["metadata"]["traceparent"], call["metadata"]["authorization"]) == (parent, "Bearer x")
    (asked,) = server.recorded("check")
    assert asked["service"] == "shop.Orders" and 3 < asked["remaining"] <= 5


def test_grpc_servers_that_fail(grpc_health):
    assert check(grpc_health(health=False), "") == "UNIMPLEMENTED"
    assert check(grpc_health(code="RESOURCE_EXHAUSTED"), "") == "RESOURCE_EXHAUSTED"
    assert check(grpc_health(late=5), "", timeout=0.5) == "DEADLINE_EXCEEDED"


def test_grpc_over_tls_and_with_certificates(grpc_health, authority):
    roots = authority.ca_file.read_bytes()
    server = grpc_health(authority.issue())
    assert check(server, "", grpc.ssl_channel_credentials(roots)) == "SERVING"
    assert check(server, "", grpc.ssl_channel_credentials(), timeout=1) == "UNAVAILABLE"
    mutual, client = authority.issue(), authority.client()
    mutual.mutual = True
    server = grpc_health(mutual)
    shown = grpc.ssl_channel_credentials(roots, client.key_file.read_bytes(), client.cert_file.read_bytes())
    assert check(server, "", shown) == "SERVING"
    assert check(server, "", grpc.ssl_channel_credentials(roots), timeout=1) == "UNAVAILABLE"


def talk(url, *messages, **options):
    """Sends messages, and returns the subprotocol and what came back."""

    async def run():
        async with websockets.connect(url, proxy=None, **options) as client:
            back = []
            for message in messages:
                await client.send(message)
                back.append(await client.recv())
            return client.subprotocol, back

    return asyncio.run(asyncio.wait_for(run(), 10))


def test_a_websocket_echoes_and_tells(websocket):
    server = websocket()
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    said = talk(
        server.url + "/echo", "a", b"\x00\xff", subprotocols=["chat"], additional_headers={"traceparent": parent}
    )
    assert said == ("chat", ["a", b"\x00\xff"])
    assert server.requests[0]["path"] == "/echo" and server.requests[0]["headers"]["traceparent"] == parent
    assert [entry["text"] for entry in server.recorded("message")] == ["a", "00ff"]
    assert server.wait_recorded("closed")[0]["code"] == 1000
    assert talk(server.url + "/greet", "b")[1] == ["hello from the server"]


def test_a_websocket_refuses_and_closes(websocket):
    server = websocket()
    with pytest.raises(websockets.exceptions.InvalidStatus, match="403"):
        talk(server.url + "/refuse/403")
    with pytest.raises(websockets.exceptions.ConnectionClosedError, match="1011"):
        talk(server.url + "/close/1011", "a")
    # curl knows no websockets here: the bare upgrade, with the key of RFC 6455's example.
    upgrade = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    upgrade.append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    headers = [part for header in upgrade for part in ("-H", header)]
    seen = curl(f"http://{server.address}/mute", "--http1.1", "-D", "-", *headers, timeout=1)
    assert (seen.status, seen.code) == (101, 28) and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in seen.body


def test_a_websocket_over_tls(websocket, authority):
    server = websocket(authority.issue())
    assert talk(server.url + "/", "a", ssl=trusting(authority))[1] == ["a"]
    with pytest.raises(ssl.SSLCertVerificationError):
        talk(server.url + "/", "a")


def test_the_applications_span_is_the_child_of_the_request(shop, http_receiver):
    made = shop(http_receiver)
    trace, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    answer = request(made.url + "/orders/7", headers={"traceparent": f"00-{trace}-{span}-01"})
    assert answer.json == {"order": 7}
    below, above = made.wait_spans(2)
    assert above.raw.parent_span_id.hex() == span and above.raw.trace_id.hex() == trace
    assert (above.attributes.get("http.route") or above.name.split()[-1]) == "/orders/<int:number>"
    assert (below.name, below.raw.parent_span_id) == ("look up", above.raw.span_id)
    assert request(made.url + "/").json["trace_id"] != trace
    assert request(made.url + "/fail").status == 500


def test_not_sampled_is_not_exported(shop, http_receiver):
    made = shop(http_receiver)
    trace = "0af7651916cd43dd8448eb211c80319c"
    request(made.url + "/", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-00"})
    request(made.url + "/", headers={"traceparent": f"00-{trace}-b7ad6b7169203332-01"})
    assert [span.raw.parent_span_id.hex() for span in made.wait_spans(1)] == ["b7ad6b7169203332"]


def test_blackbox_exporter_probes(blackbox, nginx, refused):
    theirs = blackbox({"http_2xx": {"prober": "http", "http": {"preferred_ip_protocol": "ip4"}}})
    site = nginx()
    page = theirs.probe(site.url + "/redirect", "http_2xx")
    assert (page.value("probe_success"), page.value("probe_http_redirects")) == (1, 1)
    assert theirs.probe(site.url, "http_2xx", hostname="shop.test").value("probe_success") == 1
    assert site.wait_requests(3)[-1]["host"] == "shop.test"
    assert theirs.probe(refused.url, "http_2xx", timeout=2).value("probe_success") == 0
    assert "Probe failed" in theirs.debug(refused.url, "http_2xx")
    assert theirs.ask(site.url, "absent").status == 400
    assert not theirs.reload({"bad": {"prober": "http", "http": {"no_such_key": 1}}})
    assert theirs.reload({"tcp": {"prober": "tcp", "tcp": {"preferred_ip_protocol": "ip4"}}})
    assert theirs.probe(site.address, "tcp").value("probe_success") == 1


def test_a_program_ends_with_the_one_that_started_it(websocket):
    server = websocket()
    server.process.child.stdin.close()
    assert server.process.wait(10) == 0
