"""unbound answers as its table says, over each transport, as dnspython sees it."""

import dns.exception
import dns.flags
import dns.rcode
import pytest

from harness.curl import handshake

RECORDS = [
    ("www.vigie.test", "A", {"192.0.2.1", "192.0.2.2"}),
    ("www.vigie.test", "AAAA", {"2001:db8::1"}),
    ("vigie.test", "MX", {"10 mx1.vigie.test.", "20 mx2.vigie.test."}),
    ("vigie.test", "NS", {"ns1.vigie.test.", "ns2.vigie.test."}),
    ("vigie.test", "SOA", {"ns1.vigie.test. hostmaster.vigie.test. 2024010101 7200 3600 1209600 60"}),
    ("vigie.test", "CAA", {'0 issue "ca.example"'}),
    ("alias.vigie.test", "CNAME", {"www.vigie.test."}),
    ("text.vigie.test", "TXT", {'"one string"', '"of two " "strings"'}),
    ("_sip._tcp.vigie.test", "SRV", {"10 60 5060 www.vigie.test.", "20 10 5061 www.vigie.test."}),
    ("any.wild.vigie.test", "A", {"192.0.2.50"}),
    ("1.2.0.192.in-addr.arpa", "PTR", {"www.vigie.test."}),
]


def texts(answer):
    return {record.to_text() for rrset in answer.answer for record in rrset}


@pytest.mark.parametrize("over", ["udp", "tcp", "tls"])
def test_every_type_over_every_transport(unbound, over):
    for name, kind, expected in RECORDS:
        answer = unbound.ask(name, kind, over)
        assert texts(answer) == expected and answer.flags & dns.flags.AA


@pytest.mark.parametrize("over", ["udp", "tcp", "tls"])
@pytest.mark.parametrize(
    "name, code",
    [
        ("absent.vigie.test", "NXDOMAIN"),
        ("refused.test", "REFUSED"),
        ("elsewhere.example", "REFUSED"),
        ("broken.test", "SERVFAIL"),
    ],
)
def test_every_refusal(unbound, name, code, over):
    answer = unbound.ask(name, "A", over)
    assert dns.rcode.to_text(answer.rcode()) == code and not answer.answer
    assert bool(answer.authority) == (code == "NXDOMAIN")


def test_no_data_is_not_nxdomain(unbound):
    answer = unbound.ask("www.vigie.test", "MX")
    assert answer.rcode() == dns.rcode.NOERROR and not answer.answer and answer.authority


def test_an_alias_comes_with_what_it_leads_to(unbound):
    assert texts(unbound.ask("far.vigie.test", "AAAA")) == {"alias.vigie.test.", "www.vigie.test.", "2001:db8::1"}


def test_a_large_answer_is_cut_over_udp_alone(unbound):
    cut = unbound.ask("large.vigie.test", "TXT")
    assert cut.flags & dns.flags.TC and not cut.answer
    for over in ("tcp", "tls"):
        assert len(texts(unbound.ask("large.vigie.test", "TXT", over))) == 30


def test_no_answer_at_all(unbound):
    with pytest.raises(dns.exception.Timeout):
        unbound.ask("dropped.test", timeout=0.3)


def test_answers_that_change(unbound):
    assert unbound.ask("new.live.test").rcode() == dns.rcode.NXDOMAIN
    unbound.answer("new.live.test", "A", "192.0.2.9")
    assert texts(unbound.ask("new.live.test")) == {"192.0.2.9"}
    unbound.forget("new.live.test")
    assert unbound.ask("new.live.test").rcode() == dns.rcode.NXDOMAIN


def test_its_certificate_is_the_authoritys(unbound, authority):
    assert handshake(unbound.tls_address, "-verify_hostname", "localhost", ca_file=authority.ca_file)[0]
    assert not handshake(unbound.tls_address)[0]


def test_it_goes_away_and_comes_back(unbound):
    unbound.pause()
    with pytest.raises(dns.exception.Timeout):
        unbound.ask("www.vigie.test", timeout=0.3)
    unbound.resume()
    assert unbound.ask("www.vigie.test").answer
    unbound.stop()
    with pytest.raises(OSError):
        unbound.ask("www.vigie.test", over="tcp", timeout=1)
    unbound.start()
    assert unbound.ask("www.vigie.test", over="tls").answer
