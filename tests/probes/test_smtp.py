"""Probes of a real mail server, and each way of failing."""

import pytest
from harness.peer import says, shut, silent
from harness.probes import failure, patience, probed
from harness.sections import probing

PHASES = {"resolve", "connect", "banner", "ehlo", "starttls", "tls", "quit"}


def run(agent, target, timeout="2s", **smtp):
    return probed(agent(probing({"name": "mail", "smtp": {"address": target} | smtp, "timeout": timeout})), target)


def trusting(certificate):
    return {"tls_config": {"ca_file": str(certificate.ca_file)}}


def test_a_server_is_greeted_over_tls_where_it_offers_that(agent, smtp, authority):
    certificate = authority.issue()
    server = smtp(certificate)
    page = run(agent, server.address, ehlo="probe.example", **trusting(certificate))
    assert failure(page, server.address) is None
    said = [(command["command"], command["tls"]) for command in server.commands[:4]]
    assert said == [("EHLO", None), ("STARTTLS", None), ("EHLO", "TLSv1.3"), ("QUIT", "TLSv1.3")]
    assert server.commands[0]["argument"] == "probe.example"
    assert page.value("probe_smtp_status_code", instance=server.address) == 221
    assert page.value("probe_smtp_ssl", instance=server.address) == 1
    assert page.value("probe_smtp_starttls_offered", instance=server.address) == 1
    assert page.value("probe_ssl_earliest_cert_expiry", instance=server.address) == certificate.expires
    phases = page.series("probe_smtp_duration_seconds", instance=server.address)
    assert {sample.labels["phase"] for sample in phases} == PHASES
    assert all(sample.value > 0 for sample in phases if sample.labels["phase"] != "resolve")


def test_a_server_without_tls_is_good_unless_tls_is_required(agent, smtp):
    server = smtp()
    page = run(agent, server.address)
    assert failure(page, server.address) is None
    assert page.value("probe_smtp_ssl", instance=server.address) == 0
    assert page.value("probe_smtp_starttls_offered", instance=server.address) == 0
    page = run(agent, server.address, starttls="required")
    assert failure(page, server.address) == ("smtp_starttls_missing", "starttls")


def test_tls_is_left_alone_where_it_is_off(agent, smtp, authority):
    server = smtp(authority.expired())
    page = run(agent, server.address, starttls="off")
    assert failure(page, server.address) is None
    assert page.value("probe_smtp_starttls_offered", instance=server.address) == 1
    page = run(agent, server.address, **trusting(authority.issue()))
    assert failure(page, server.address) == ("tls_expired", "tls")


def test_tls_may_be_there_from_the_beginning(agent, smtp, authority):
    certificate = authority.issue()
    server = smtp(certificate, implicit=True)
    page = run(agent, server.address, tls=True, **trusting(certificate))
    assert failure(page, server.address) is None
    assert page.value("probe_smtp_ssl", instance=server.address) == 1


@pytest.mark.parametrize("command, phase", [("EHLO", "ehlo"), ("STARTTLS", "starttls")])
def test_a_command_that_is_refused_has_its_phase(agent, smtp, authority, command, phase):
    certificate = authority.issue()
    server = smtp(certificate, replies={command: "454 not now"})
    page = run(agent, server.address, **trusting(certificate))
    assert failure(page, server.address) == ("smtp_status", phase)
    assert page.value("probe_smtp_status_code", instance=server.address) == 454


@pytest.mark.parametrize(
    "fault, expected, status",
    [
        (says(b"554 mail.test no SMTP service here\r\n"), ("smtp_status", "banner"), 554),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), ("smtp_protocol", "banner"), 0),
        (says(b"220-hello\r\n" * 200), ("smtp_protocol", "banner"), 0),
        (shut(), ("closed", "banner"), 0),
        (says(b"220 hello\r\n", then=shut()), ("closed", "ehlo"), 220),
        (silent(), ("timeout", "banner"), 0),
        (says(b"220 hello\r\n"), ("timeout", "ehlo"), 220),
    ],
    ids=["refusing", "ssh", "endless", "end", "end-after-banner", "silent", "silent-after-banner"],
)
def test_each_fault_has_its_reason(agent, peer, fault, expected, status):
    target = peer(fault).address
    page = run(agent, target, timeout=patience(expected[0]))
    assert failure(page, target) == expected
    assert page.value("probe_smtp_status_code", instance=target) == status


def test_a_port_where_nobody_listens_refuses(agent, refused):
    assert failure(run(agent, refused.address), refused.address) == ("tcp_refused", "connect")
