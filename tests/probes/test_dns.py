"""Probes of a real unbound under blackbox_exporter's names, and of servers that no real one is."""

import contextlib
import json
import re
import socket
import threading

import dns.flags
import dns.message
import dns.rrset
import pytest
from harness.peer import says, shut, silent
from harness.ports import free_port
from harness.probes import patience
from harness.sections import probing
from harness.wait import until

NAME = "records.example."
# One of each type that has a text of its own, as zone files have it; without those that only later versions of
# blackbox_exporter than Debian's know (AMTRELAY, IPSECKEY, ISDN).
RECORDS = [
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("AFSDB", "1 afs.example."),
    ("APL", "1:192.0.2.0/24 !2:2001:db8::/32"),
    ("AVC", '"app-name:vigie" "x"'),
    ("CAA", '128 issue "ca.example; policy=\\"ev\\""'),
    ("CDNSKEY", "257 3 13 a2V5a2V5a2V5"),
    ("CDS", "54321 13 2 " + "ab" * 32),
    ("CERT", "PKIX 9 ECDSAP256SHA256 AQID"),
    ("CERT", "4711 9 4 AQID"),
    ("CNAME", "www.example."),
    ("CSYNC", "66 3 A NS AAAA"),
    ("DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="),
    ("DNAME", "other.example."),
    ("DNSKEY", "256 3 8 a2V5a2V5a2V5"),
    ("DS", "54321 8 2 " + "ab" * 32),
    ("EUI48", "00-00-5e-00-53-2a"),
    ("EUI64", "00-00-5e-ef-10-00-00-2a"),
    ("GPOS", "-32.6882 116.8652 10.0"),
    ("HINFO", '"x86 64" "Linux"'),
    ("HIP", "2 200100107b1a74df365639cc39f1d578 AwEAAbdx rvs.example."),
    ("HTTPS", '1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1,192.0.2.2" ipv6hint="2001:db8::1" key700="a b"'),
    ("KX", "10 kx.example."),
    ("L32", "10 10.1.2.0"),
    ("L64", "10 2001:0DB8:1140:1000"),
    ("LOC", "51 30 12.748 N 0 7 39.611 W 0.00m 1m 10000m 10m"),
    ("LOC", "42 21 54 S 71 6 18 E -24.50m 30m 0.50m 20m"),
    ("LP", "10 l64.example."),
    ("MX", "10 mail.example."),
    ("NAPTR", '100 50 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .'),
    ("NID", "10 0014:4fff:ff20:ee64"),
    ("NINFO", '"status" "up"'),
    ("NS", "ns1.example."),
    ("NSEC", "next.example. A MX RRSIG NSEC TYPE1234"),
    ("NSEC3", "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG"),
    ("NSEC3PARAM", "1 0 12 aabbccdd"),
    ("NSEC3PARAM", "1 0 0 -"),
    ("OPENPGPKEY", "AQID"),
    ("PTR", "host.example."),
    ("PX", "10 map822.example. mapx400.example."),
    ("RP", "admin.example. text.example."),
    ("RRSIG", "A 13 2 3600 20301231235959 20240101000000 12345 example. c2lnbmF0dXJl"),
    ("RT", "10 relay.example."),
    ("SMIMEA", "3 1 0 " + "ab" * 600),
    ("SOA", "ns1.example. host\\.master.example. 2024010101 7200 3600 1209600 60"),
    ("SPF", '"v=spf1 -all"'),
    ("SRV", "10 60 5060 sip.example."),
    ("SSHFP", "4 2 " + "ab" * 32),
    ("SVCB", "0 alias.example."),
    ("SVCB", "16 svc.example. mandatory=alpn alpn=h2 no-default-alpn dohpath=/dns-query{?dns}"),
    ("TLSA", "3 1 1 " + "ab" * 32),
    ("TXT", '"one string"'),
    ("TXT", '"two" "strings with \\"quotes\\", a \\\\ and \\200\\007"'),
    ("TYPE65280", "\\# 4 c0000201"),
    ("URI", '10 1 "https://example.com/?q=\\"x\\""'),
    ("X25", '"311061700956"'),
    ("ZONEMD", "2018031500 1 1 " + "ab" * 48),
]


def answering(records):
    """What a server says that knows these records and nothing else, always to the same question."""
    made = []

    def answer(question):
        if not made:
            response = dns.message.make_response(dns.message.from_wire(question))
            response.answer = [dns.rrset.from_text(NAME, 3600, "IN", kind, text) for kind, text in records]
            made.append(response.to_wire(max_size=65535))
        return question[:2] + made[0][2:]

    return answer


@contextlib.contextmanager
def datagrams(*answer):
    """The address of a server that answers each datagram with all that these make of it."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        ended = threading.Event()

        def serve():
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    question, peer = server.recvfrom(65535)
                    for one in answer:
                        server.sendto(one(question), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


def run(agent, server, timeout="2s", **settings):
    """The page after a run of this probe."""
    entry = {"name": "ns", "dns": {"server": server} | settings, "interval": "1h", "timeout": timeout}
    return all_run(agent, [entry])


def all_run(agent, entries):
    """The page after a run of each of these probes."""
    started = agent(probing(*entries))

    def done():
        page = started.scrape()
        ran = all(page.value("vigie_probe_runs_total", probe=entry["name"]) > 0 for entry in entries)
        return page if ran else None

    return until(done, "all have run")


def failure(page):
    """Reason and phase, or None."""
    found = [(sample.labels["reason"], sample.labels["phase"]) for sample in page.series("probe_failure_info")]
    assert len(found) == 1 - page.value("probe_success", probe="ns"), found
    return found[0] if found else None


@pytest.mark.parametrize(
    "over", [{}, {"transport_protocol": "tcp"}, {"transport_protocol": "tcp", "dns_over_tls": True}]
)
def test_a_name_server_answers_over_every_transport(agent, unbound, over):
    tls = over.get("dns_over_tls")
    if tls:
        over = over | {"tls_config": {"ca_file": str(unbound.tls.ca_file), "server_name": "localhost"}}
    page = run(
        agent,
        unbound.tls_address if tls else unbound.address,
        query_name="vigie.test",
        query_type="SOA",
        validate_answer_rrs={"fail_if_not_matches_regexp": [r"^vigie\.test\.\t300\tIN\tSOA\tns1\.vigie\.test\. "]},
        **over,
    )
    assert failure(page) is None
    assert page.value("probe_dns_serial") == 2024010101
    assert page.value("probe_dns_answer_rrs") == 1
    assert page.value("probe_dns_query_succeeded") == 1
    phases = {sample.labels["phase"]: sample.value for sample in page.series("probe_dns_duration_seconds")}
    assert phases.keys() == {"resolve", "connect", "tls", "request"}
    assert phases["request"] > 0 and (phases["tls"] > 0) == bool(tls)


def test_an_answer_that_is_cut_to_fit_a_datagram_is_judged_as_it_is(agent, unbound):
    cut = run(agent, unbound.address, query_name="large.vigie.test", query_type="TXT")
    assert failure(cut) is None and cut.value("probe_dns_answer_rrs") < 30
    whole = run(agent, unbound.address, query_name="large.vigie.test", query_type="TXT", transport_protocol="tcp")
    assert failure(whole) is None and whole.value("probe_dns_answer_rrs") == 30


@pytest.mark.parametrize(
    "name, code", [("absent.vigie.test", "NXDOMAIN"), ("refused.test", "REFUSED"), ("broken.test", "SERVFAIL")]
)
def test_a_response_code_is_a_failure_unless_it_is_meant(agent, unbound, name, code):
    page = run(agent, unbound.address, query_name=name, query_type="A")
    assert failure(page) == ("dns_rcode", "request")
    assert page.value("probe_dns_query_succeeded") == 1
    assert failure(run(agent, unbound.address, query_name=name, query_type="A", valid_rcodes=["NOERROR", code])) is None


def test_records_that_are_not_what_they_are_to_be(agent, unbound):
    rules = {"fail_if_not_matches_regexp": [r"192\.0\.2\.1$"]}
    page = run(agent, unbound.address, query_name="www.vigie.test", query_type="A", validate_answer_rrs=rules)
    assert failure(page) == ("dns_answer", "request")
    assert page.value("probe_dns_answer_rrs") == 2


def test_no_answer_is_a_timeout(agent, unbound):
    page = run(agent, unbound.address, query_name="dropped.test", timeout="300ms")
    assert failure(page) == ("dns_timeout", "request")
    assert page.value("probe_dns_duration_seconds", phase="request") >= 0.29


def test_a_port_where_nothing_listens(agent):
    nobody = f"127.0.0.1:{free_port()}"
    assert failure(run(agent, nobody, query_name="vigie.test")) == ("udp_refused", "request")
    tcp = run(agent, nobody, query_name="vigie.test", transport_protocol="tcp")
    assert failure(tcp) == ("tcp_refused", "connect")


def test_a_server_whose_own_name_does_not_resolve(agent):
    page = run(agent, "no-such-host.invalid", query_name="vigie.test")
    assert failure(page)[1] == "resolve"


def test_a_datagram_without_a_route(agent):
    page = run(agent, "192.0.2.1", query_name="vigie.test", source_ip_address="127.0.0.1", preferred_ip_protocol="ip4")
    assert failure(page)[0] in ("udp_unreachable", "udp_error")


def test_what_comes_and_is_no_answer(agent):
    echo = [lambda question: question]
    short = [lambda question: question[:7]]
    long = [lambda question: question[:2] + bytes(600)]
    for answer in (echo, short, long):
        with datagrams(*answer) as server:
            assert failure(run(agent, server, query_name="x.example")) == ("dns_malformed", "request")


def test_an_answer_to_another_question_is_passed_over(agent):
    other = lambda question: bytes([question[0] ^ 1]) + question[1:]  # noqa: E731
    with datagrams(other, answering([("A", "192.0.2.1")])) as server:
        page = run(agent, server, query_name=NAME)
        assert failure(page) is None and page.value("probe_dns_answer_rrs") == 1


@pytest.mark.parametrize(
    "fault, reason",
    [
        (shut(), "closed"),
        (silent(), "dns_timeout"),
        (says(b"\x00\x0cnot the dns!", then=silent()), "dns_malformed"),
        (says(b"\xff\xff\x00\x00", then=shut()), "closed"),
    ],
)
def test_a_connection_that_says_something_else(agent, peer, fault, reason):
    server = peer(fault)
    address = f"{server.host}:{server.port}"
    page = run(agent, address, query_name="x.example", transport_protocol="tcp", timeout=patience(reason))
    assert failure(page) == (reason, "request")


def test_records_are_printed_as_blackbox_exporter_prints_them(agent, blackbox):
    probe = {"query_name": NAME, "transport_protocol": "tcp", "preferred_ip_protocol": "ip4"}
    answer = answering(RECORDS)
    with connections(answer) as server:
        debug = blackbox({"all": {"prober": "dns", "timeout": "5s", "dns": probe}}).debug(server, "all")
        lines = [printed(line) for line in debug.splitlines() if "Validating RR" in line]
        assert len(lines) == len(RECORDS), debug
        wanted = [f"(?s)^{re.escape(line)}$" for line in lines]
        for line, regex in zip(lines, wanted, strict=True):
            assert re.search(regex, line)
        # Each record has to match one of the lines, and each line one of the records.
        rules = {"every": {"fail_if_not_matches_regexp": ["|".join(wanted)]}}
        rules |= {line: {"fail_if_none_matches_regexp": [regex]} for line, regex in zip(lines, wanted, strict=True)}
        entries = [
            {"name": name, "dns": {"server": server, "validate_answer_rrs": rule} | probe}
            for name, rule in rules.items()
        ]
        page = all_run(agent, entries)
        assert {name for name in rules if page.value("probe_success", probe=name) != 1} == set()


def printed(line):
    """The record in a line of blackbox_exporter's log."""
    value = re.search(r' rr=("(?:[^"\\]|\\.)*"|\S+)', line).group(1)
    return json.loads(value) if value.startswith('"') else value


@contextlib.contextmanager
def connections(answer):
    """The same as `datagrams` over TCP, one question a connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        ended = threading.Event()

        def serve():
            while not ended.is_set():
                with contextlib.suppress(OSError):
                    client, _ = server.accept()
                    with client:
                        client.settimeout(5)
                        size = int.from_bytes(client.recv(2, socket.MSG_WAITALL), "big")
                        data = answer(client.recv(size, socket.MSG_WAITALL))
                        client.sendall(len(data).to_bytes(2, "big") + data)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            ended.set()
            thread.join()


def test_series_and_verdicts_are_blackbox_exporters(agent, blackbox, unbound):
    probes = {
        "soa": {"query_name": "vigie.test", "query_type": "SOA"},
        "any": {"query_name": "www.vigie.test"},
        "nxdomain": {"query_name": "absent.vigie.test", "query_type": "A"},
        "meant": {"query_name": "absent.vigie.test", "query_type": "A", "valid_rcodes": ["NXDOMAIN"]},
        "refused": {"query_name": "refused.test", "query_type": "A"},
        "large": {"query_name": "large.vigie.test", "query_type": "TXT"},
        "whole": {"query_name": "large.vigie.test", "query_type": "TXT", "transport_protocol": "tcp"},
        "all": {
            "query_name": "www.vigie.test",
            "query_type": "A",
            "validate_answer_rrs": {"fail_if_all_match_regexp": [r"192\.0\.2"]},
        },
        "not_all": {
            "query_name": "www.vigie.test",
            "query_type": "A",
            "validate_answer_rrs": {"fail_if_all_match_regexp": [r"192\.0\.2\.1$"]},
        },
        "none": {
            "query_name": "www.vigie.test",
            "query_type": "A",
            "validate_authority_rrs": {"fail_if_none_matches_regexp": ["ns1"]},
        },
        "additional": {
            "query_name": "vigie.test",
            "query_type": "MX",
            "validate_additional_rrs": {"fail_if_matches_regexp": ["mx1"]},
        },
    }
    theirs = blackbox({name: {"prober": "dns", "timeout": "2s", "dns": probe} for name, probe in probes.items()})
    entries = [{"name": name, "dns": {"server": unbound.address} | probe} for name, probe in probes.items()]
    ours = all_run(agent, entries)
    for name in probes:
        page = theirs.probe(unbound.address, name)
        shape = {(s.name, frozenset(s.labels.items())) for s in page.samples if s.name.startswith("probe_")}
        own = {
            (s.name, frozenset((k, v) for k, v in s.labels.items() if k not in ("instance", "probe")))
            for s in ours.samples
            if s.name.startswith("probe_") and s.labels.get("probe") == name
        }
        assert shape - own == set(), name
        for key in ("probe_success", "probe_dns_answer_rrs", "probe_dns_authority_rrs", "probe_dns_additional_rrs"):
            assert ours.value(key, probe=name) == page.value(key), (name, key)
        kinds = {key: (f.kind, f.help) for key, f in page.families.items() if key.startswith("probe_")}
        assert {key: (ours.families[key].kind, ours.families[key].help) for key in kinds} == kinds
