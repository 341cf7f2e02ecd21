"""/probe beside Debian's blackbox_exporter: pings."""


def icmp(**options):
    return {"prober": "icmp", "timeout": "1s", "icmp": {"preferred_ip_protocol": "ip4", **options}}


def test_pings_are_alike(pair):
    modules = {
        "ping": icmp(),
        "ping6": icmp(preferred_ip_protocol="ip6"),
        "large": icmp(payload_size=1000),
        "from_here": icmp(source_ip_address="127.0.0.1"),
        "whole": icmp(dont_fragment=True),
    }
    both = pair(modules)
    for module, target, success in [
        ("ping", "127.0.0.1", 1),
        ("ping", "localhost", 1),
        ("ping6", "::1", 1),
        ("large", "127.0.0.1", 1),
        ("from_here", "127.0.0.1", 1),
        ("whole", "127.0.0.1", 1),
        ("ping", "name.invalid", 0),
    ]:
        page = both.alike(module, target)
        assert page.value("probe_success") == success, (module, target)
    assert page.value("probe_icmp_duration_seconds", phase="resolve") > 0
