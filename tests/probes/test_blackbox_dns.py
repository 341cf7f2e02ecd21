"""/probe beside Debian's blackbox_exporter: name servers."""

from harness.scrape import Scrape


def dns(name, **options):
    return {"prober": "dns", "timeout": "2s", "dns": {"preferred_ip_protocol": "ip4", "query_name": name, **options}}


def test_answers_are_alike(pair, unbound, authority):
    address = {"fail_if_none_matches_regexp": [r"\sA\s192\.0\.2\.1$"]}
    both = pair(
        {
            "a": dns("www.vigie.test", query_type="A"),
            "aaaa": dns("www.vigie.test", query_type="AAAA"),
            "soa": dns("vigie.test", query_type="SOA"),
            "mx": dns("vigie.test", query_type="MX"),
            "over_tcp": dns("large.vigie.test", query_type="TXT", transport_protocol="tcp"),
            "absent": dns("absent.vigie.test", query_type="A"),
            "wanted_absent": dns("absent.vigie.test", query_type="A", valid_rcodes=["NXDOMAIN"]),
            "refused": dns("refused.test", query_type="A"),
            "found": dns("www.vigie.test", query_type="A", validate_answer_rrs=address),
            "not_found": dns("www.vigie.test", query_type="AAAA", validate_answer_rrs=address),
            "dropped": dns("dropped.test", query_type="A"),
            "over_tls": dns(
                "www.vigie.test",
                query_type="A",
                transport_protocol="tcp",
                dns_over_tls=True,
                tls_config={"insecure_skip_verify": True},
            ),
        }
    )
    for module, success in [
        ("a", 1),
        ("aaaa", 1),
        ("soa", 1),
        ("mx", 1),
        ("over_tcp", 1),
        ("absent", 0),
        ("wanted_absent", 1),
        ("refused", 0),
        ("found", 1),
        ("not_found", 0),
        ("dropped", 0),
    ]:
        assert both.alike(module, unbound.address).value("probe_success") == success, module
    # We also tell of its certificates.
    for answer in both.answers(f"module=over_tls&target={unbound.tls_address}"):
        assert Scrape(answer.text).value("probe_success") == 1


def test_a_name_server_that_is_not_there_is_alike(pair, refused):
    both = pair({"a": dns("www.vigie.test", query_type="A", transport_protocol="tcp")})
    assert both.alike("a", refused.address).value("probe_success") == 0
