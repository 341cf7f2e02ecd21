"""/probe beside Debian's blackbox_exporter: the health of gRPC servers."""


def grpc(**options):
    return {"prober": "grpc", "timeout": "2s", "grpc": {"preferred_ip_protocol": "ip4", **options}}


def test_health_is_alike(pair, grpc_health, refused, authority):
    certificate = authority.issue()
    ca = {"ca_file": str(certificate.ca_file)}
    both = pair(
        {
            "server": grpc(),
            "orders": grpc(service="shop.Orders"),
            "stock": grpc(service="shop.Stock"),
            "nobody": grpc(service="shop.Nobody"),
            "tls": grpc(tls=True, tls_config=ca),
            "untrusted": grpc(tls=True),
        }
    )
    plain, secure, without = grpc_health(), grpc_health(certificate=certificate), grpc_health(health=False)
    for module, target, success in [
        ("server", plain.address, 1),
        ("orders", plain.address, 1),
        ("stock", plain.address, 0),
        ("nobody", plain.address, 0),
        ("server", without.address, 0),
        ("server", refused.address, 0),
        ("tls", secure.address, 1),
        ("untrusted", secure.address, 0),
        ("tls", plain.address, 0),
    ]:
        assert both.alike(module, target).value("probe_success") == success, (module, target)
