"""TCP probes of real servers, each way of failing, and beside blackbox_exporter."""

import contextlib

import pytest
from harness.peer import Peer, drip, reset, says, shut, silent
from harness.ports import free_port
from harness.probes import failure, missing, patience, probed
from harness.sections import probing
from harness.silence import Blackhole

SMTP = [{"expect": "^220 (?P<host>[^ ]+) ", "send": "EHLO probe", "labels": [{"name": "host", "value": "$host"}]}]
STARTTLS = [
    {"expect": "^220 "},
    {"send": "EHLO probe"},
    {"expect": "^250[- ]STARTTLS"},
    {"send": "STARTTLS"},
    {"expect": "^220"},
    {"starttls": True},
    {"send": "EHLO probe"},
    {"expect": "^250 ", "send": "QUIT"},
]


def run(agent, target, timeout="2s", **tcp):
    """The page of a started agent that probes `target`."""
    section = probing({"name": "port", "tcp": {"address": target, **tcp}, "timeout": timeout})
    return probed(agent(section), target)


def test_a_port_that_takes_connections_is_up(agent, smtp):
    target = smtp().address
    page = run(agent, target)
    assert failure(page, target) is None
    assert page.value("probe_ip_protocol", instance=target) == 4
    phases = {sample.labels["phase"] for sample in page.series("probe_tcp_duration_seconds", instance=target)}
    assert phases == {"resolve", "connect", "tls", "query"}
    assert page.value("probe_failed_due_to_regex", instance=target) == 0


def test_a_conversation_tells_what_it_learnt(agent, smtp):
    server = smtp()
    page = run(agent, server.address, query_response=SMTP)
    assert failure(page, server.address) is None
    assert page.value("probe_expect_info", instance=server.address, host="mail.test") == 1
    assert server.commands[0]["argument"] == "probe"


def test_a_conversation_goes_over_to_tls(agent, smtp, authority):
    certificate = authority.issue()
    server = smtp(certificate)
    page = run(agent, server.address, query_response=STARTTLS, tls_config={"ca_file": str(certificate.ca_file)})
    assert failure(page, server.address) is None
    assert page.value("probe_ssl_earliest_cert_expiry", instance=server.address) == certificate.expires
    assert "TLSv1.3" in [command["tls"] for command in server.commands]


def test_the_name_of_the_certificate_is_that_of_the_target(agent, smtp, authority):
    certificate = authority.issue(addresses=())
    server = smtp(certificate, implicit=True)
    tls_config = {"ca_file": str(certificate.ca_file)}
    named = f"localhost:{server.port}"
    page = run(agent, named, tls=True, tls_config=tls_config, preferred_ip_protocol="ip4")
    assert failure(page, named) is None
    page = run(agent, server.address, tls=True, tls_config=tls_config)
    assert failure(page, server.address) == ("tls_wrong_host", "tls")
    page = run(agent, server.address, tls=True, tls_config=tls_config | {"server_name": "localhost"})
    assert failure(page, server.address) is None


@pytest.mark.parametrize(
    "fault, expected",
    [
        (says(b"500 busy\r\n", then=shut()), ("expect_mismatch", "query")),
        (shut(), ("expect_mismatch", "query")),
        (reset(), ("tcp_reset", "query")),
        (says(b"22", then=reset()), ("tcp_reset", "query")),
        (silent(), ("timeout", "query")),
        (drip(b"220 " + b"x" * 100, every=0.1), ("timeout", "query")),
        (says(b"x" * 70_000), ("expect_mismatch", "query")),
    ],
    ids=["other", "end", "reset", "reset-in-a-line", "silent", "drip", "endless-line"],
)
def test_each_fault_of_a_conversation_has_its_reason(agent, peer, fault, expected):
    target = peer(fault).address
    page = run(agent, target, timeout=patience(expected[0]), query_response=[{"expect": "^220 "}])
    found = failure(page, target)
    # A reset may be there before the connection was seen to stand.
    assert found == expected or (found == ("tcp_reset", "connect") and expected[0] == "tcp_reset")


def test_each_fault_of_connecting_has_its_reason(agent, refused):
    assert failure(run(agent, refused.address), refused.address) == ("tcp_refused", "connect")
    with contextlib.closing(Blackhole(free_port())) as hole:
        target = f"127.0.0.1:{hole.port}"
        assert failure(run(agent, target, timeout="300ms"), target) == ("tcp_timeout", "connect")
    nowhere = "no-such-host.invalid:25"
    assert failure(run(agent, nowhere), nowhere)[1] == "resolve"


def test_the_log_says_what_the_peer_answered_and_not_what_was_sent_as_a_password(agent, peer):
    target = peer(says(b"PASS hunter2 is wrong\r\n", then=shut())).address
    started = agent(
        probing(
            {
                "name": "port",
                "tcp": {"address": target, "query_response": [{"send": "PASS hunter2"}, {"expect": "^OK"}]},
            }
        )
    )
    probed(started, target)
    assert "hunter2" not in started.log
    assert "hunter2" not in started.scrape().text


def test_an_ipv6_address_stands_in_brackets(agent):
    server = Peer(says(b"six\n"), host="::1")
    try:
        page = run(agent, server.address, query_response=[{"expect": "^six$"}])
        assert failure(page, server.address) is None
        assert page.value("probe_ip_protocol", instance=server.address) == 6
    finally:
        server.stop()


def test_names_types_labels_and_verdicts_are_blackbox_exporters(agent, smtp, blackbox, authority, peer):
    certificate = authority.issue()
    tls_config = {"ca_file": str(certificate.ca_file)}
    modules = {
        "connect": {"preferred_ip_protocol": "ip4"},
        "banner": {"preferred_ip_protocol": "ip4", "query_response": [{"expect": "^220 ", "send": "EHLO probe"}]},
        "starttls": {"preferred_ip_protocol": "ip4", "query_response": STARTTLS, "tls_config": tls_config},
        "untrusted": {"preferred_ip_protocol": "ip4", "query_response": STARTTLS},
        "other": {"preferred_ip_protocol": "ip4", "query_response": [{"expect": "^OK"}]},
    }
    theirs = blackbox({name: {"prober": "tcp", "tcp": tcp} for name, tcp in modules.items()})
    servers = {"other": peer(says(b"500 busy\r\n", then=shut()))}
    certified = smtp(certificate)
    verdicts = {}
    for name, tcp in modules.items():
        target = servers.get(name, certified).address
        their = theirs.probe(target, name)
        page = run(agent, target, **tcp)
        verdicts[name] = page.value("probe_success", instance=target)
        assert verdicts[name] == their.value("probe_success"), name
        assert missing(their, page, instance=target) == [], name
        kinds = {metric: family.kind for metric, family in their.families.items() if metric.startswith("probe_")}
        assert {metric: page.families[metric].kind for metric in kinds} == kinds
        regex = "probe_failed_due_to_regex"
        assert page.value(regex, instance=target) == their.value(regex)
    assert verdicts == {"connect": 1, "banner": 1, "starttls": 1, "untrusted": 0, "other": 0}
