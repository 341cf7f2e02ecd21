"""/probe beside Debian's blackbox_exporter: TCP and sockets of the host."""

import socket

from harness.peer import says, shut, silent
from harness.scrape import Scrape
from harness.wait import until


def tcp(*steps, **options):
    return {
        "prober": "tcp",
        "timeout": "2s",
        "tcp": {"preferred_ip_protocol": "ip4", **options, "query_response": [*steps]},
    }


def test_connections_are_alike(pair, nginx, refused, authority):
    certificate = authority.issue()
    ca = {"ca_file": str(certificate.ca_file)}
    both = pair(
        {
            "connect": tcp(),
            "tls": tcp(tls=True, tls_config=ca),
            "tls_untrusted": tcp(tls=True),
            "tls_any": tcp(tls=True, tls_config={"insecure_skip_verify": True}),
            "from_here": tcp(source_ip_address="127.0.0.1"),
        }
    )
    plain, secure = (site.url.split("//")[1] for site in (nginx(), nginx(certificate=certificate)))
    for module, target, success in [
        ("connect", plain, 1),
        ("from_here", plain, 1),
        ("connect", refused.address, 0),
        ("connect", "127.0.0.1", 0),
        ("connect", "name.invalid:80", 0),
        ("tls", secure, 1),
        ("tls_any", secure, 1),
        ("tls_untrusted", secure, 0),
        ("tls", plain, 0),
    ]:
        assert both.alike(module, target).value("probe_success") == success, (module, target)


def test_conversations_are_alike(pair, peer, smtp, authority):
    certificate = authority.issue()
    starttls = [
        {"expect": "^220 ([^ ]+) (.+)$", "labels": [{"name": "server", "value": "${1}"}]},
        {"send": "EHLO prober\r"},
        {"expect": "^250[- ]STARTTLS"},
        {"send": "STARTTLS\r"},
        {"expect": "^220"},
        {"starttls": True},
        {"send": "EHLO prober\r"},
        {"expect": "^250 "},
    ]
    both = pair(
        {
            "mail": tcp(*starttls, tls_config={"ca_file": str(certificate.ca_file)}),
            "mail_untrusted": tcp(*starttls),
            "banner": tcp(
                {"expect": "^SSH-(?P<version>[0-9.]+)-", "labels": [{"name": "version", "value": "$version"}]}
            ),
            "answer": tcp({"expect": "^PING (.*)$", "send": "PONG ${1}"}),
        }
    )
    mail = smtp(certificate=certificate)
    assert both.alike("mail", mail.address).value("probe_expect_info", server="mail.test") == 1
    assert both.alike("mail_untrusted", mail.address).value("probe_success") == 0
    ssh = peer(says(b"SSH-2.0-peer\r\n"))
    assert both.alike("banner", ssh.address).value("probe_expect_info", version="2.0") == 1
    for then in (silent(), shut()):
        other = peer(says(b"220 mail\r\n", then=then))
        assert both.alike("banner", other.address).value("probe_success") == 0
    ping = peer(says(b"PING a b\n"))
    assert both.alike("answer", ping.address).value("probe_success") == 1
    until(lambda: ping.received == [b"PONG a b\n", b"PONG a b\n"], "both answers have come")


def test_the_hostname_is_the_name_that_tls_asks_for(pair, nginx, authority):
    """Debian's version does so for HTTP only: ours alone."""
    certificate = authority.issue(names=["shop.test"], addresses=[])
    both = pair({"tls": tcp(tls=True, tls_config={"ca_file": str(certificate.ca_file)})})
    address = nginx(certificate=certificate).url.split("//")[1]
    for parameter, success in (("", 0), ("&hostname=shop.test", 1)):
        answer = both.ask(f"module=tls&target={address}{parameter}")
        assert Scrape(answer.text).value("probe_success") == success


def test_sockets_of_the_host_are_probed_if_that_is_allowed(pair, agent, tmp_path):
    """Debian's version has no such prober yet: ours alone."""
    both = pair({"connect": tcp()})
    both.write({"ping": {"prober": "unix", "timeout": "2s", "unix": {"query_response": [{"send": "PING"}]}}})
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        for allowed, success in ((False, 0), (True, 1)):
            access = {"allow_unix": allowed}
            both.agent.reload({"collectors": {"blackbox": str(both.file), "blackbox_access": access}})
            page = Scrape(both.ask(f"module=ping&target={path}").text)
            assert page.value("probe_success") == success
            reasons = [sample.labels["reason"] for sample in page.series("probe_failure_info")]
            assert reasons == ([] if allowed else ["target_forbidden"])


def test_websockets_are_probed_by_their_modules(pair, websocket):
    """Debian's version has no such prober yet: ours alone."""
    both = pair({"connect": tcp()})
    greeted = [{"expect": "^hello from the (.+)$", "send": "I am ${1}"}, {"expect": "^I am server$"}]
    options = {"headers": {"X-Short": "text"}, "query_response": greeted, "preferred_ip_protocol": "ip4"}
    both.write({"greeted": {"prober": "websocket", "timeout": "2s", "websocket": options}})
    assert both.agent.reload().status == 200
    server = websocket()
    for path, success in (("/greet", 1), ("/mute", 0), ("/refuse/404", 0)):
        page = Scrape(both.ask(f"module=greeted&target={server.url}{path}").text)
        assert page.value("probe_success") == success, path
    assert server.requests[0]["headers"]["x-short"] == "text"
