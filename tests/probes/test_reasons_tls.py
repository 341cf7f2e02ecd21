"""Each reason of TLS for which an HTTP probe fails, with certificates as bad as they are in the field."""

import shutil
from types import SimpleNamespace

import pytest
from harness.certs import HOUR, Authority
from harness.failing import Watched, http
from harness.faulty import Faulty, cut_answer, swallow, through
from harness.peer import answers, says, shut, silent


def site(bad, **settings):
    """A server with a bad certificate, which `bad` gets from the authority, until it is given a good one."""

    def make(use):
        authority = use("authority")
        certificate = bad(authority)
        server = use("nginx")(certificate)

        def renew():
            good = authority.issue()
            shutil.copy(good.cert_file, certificate.cert_file)
            shutil.copy(good.key_file, certificate.key_file)
            server.reload()

        return https(use, server, "/", renew, **settings)

    return make


def revoked(use):
    """The server's own certificate is on the list of its authority, below another one."""
    below = use("authority").intermediate()
    certificate = below.issue()
    below.revoke(certificate)
    return listed(use, certificate, below.issue(), use("authority").ca_file, below.crl_file)


def revoked_above(use):
    """The authority of the server's certificate is on the list of the one above it."""
    root = Authority(use("tmp_path") / "root")
    below, beside = root.intermediate(), root.intermediate()
    root.revoke(SimpleNamespace(serial=below.certificate.serial_number))
    lists = use("tmp_path") / "crl.pem"
    # Those of the authorities below have the root's as it was when they were made.
    own = [authority.crl_file.read_text().split("-----END X509 CRL-----\n")[0] for authority in (below, beside)]
    lists.write_text("".join(f"{one}-----END X509 CRL-----\n" for one in own) + root.crl_file.read_text())
    return listed(use, below.issue(), beside.issue(), root.ca_file, lists)


def listed(use, bad, good, ca_file, crl_file):
    server = use("nginx")(bad)

    def renew():
        shutil.copy(good.cert_file, bad.cert_file)
        shutil.copy(good.key_file, bad.key_file)
        server.reload()

    return http(server.url + "/", renew, tls_config={"ca_file": str(ca_file), "crl_file": str(crl_file)})


def https(use, server, path="/", mend=None, timeout="2s", **settings):
    """Trusts the test's authority alone."""
    return http(server.url + path, mend, timeout, tls_config=trusting(use), **settings)


def trusting(use, **more):
    return {"ca_file": str(use("authority").ca_file)} | more


def unknown_authority(use):
    """No authority is named: those of the system do not know that of the test."""
    server = use("nginx")(use("authority").issue())
    return http(server.url + "/")


def another_name(use):
    """The certificate is for where it is, and the probe asks for another."""
    server = use("nginx")(use("authority").issue())
    return http(server.url + "/", tls_config=trusting(use, server_name="elsewhere.example"))


def plain(use):
    """Plain HTTP where TLS is wanted."""
    return https_at(use, use("nginx")().port)


def https_at(use, port, timeout="2s", mend=None):
    return http(f"https://127.0.0.1:{port}/", mend, timeout, tls_config=trusting(use))


def peer(fault, timeout="2s"):
    """It does this where the handshake is to be."""
    return lambda use: https_at(use, use("peer")(fault).port, timeout)


def half_open(use):
    """What is sent in the handshake goes nowhere."""
    between = Faulty(use("nginx")(use("authority").issue()))
    use("request").addfinalizer(between.close)
    between.does(swallow())
    return https(use, between, "/", lambda: between.does(through()), "500ms")


def cut_handshake(use):
    between = Faulty(use("nginx")(use("authority").issue()))
    use("request").addfinalizer(between.close)
    between.does(cut_answer(after=100))
    return https(use, between, "/", lambda: between.does(through()))


def cut_body(http2):
    """A reset in the middle of the body, also where HTTP/2 carries it."""

    def make(use):
        between = Faulty(use("nginx")(use("authority").issue(), http2=http2))
        use("request").addfinalizer(between.close)
        between.does(cut_answer(after=20_000))
        return https(use, between, "/plain-text", lambda: between.does(through()))

    return make


def stream_reset(use):
    """HTTP/2 whose connection stands while the answer breaks off."""
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"
    behind = use("peer")(answers(half))
    server = use("nginx")(use("authority").issue(), http2=True, upstream=behind.address)
    return https(use, server, "/upstream/", lambda: behind.does(answers(whole)))


def closed_in_tls(use):
    """TLS ends in order, before there is an answer."""
    made = use("peer")(answers(b""), use("authority").issue())
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    return https(use, made, "/", lambda: made.does(answers(ok)))


def late_in_http2(use):
    server = use("nginx")(use("authority").issue(), http2=True)
    return https(use, server, "/late/5", timeout="500ms")


def no_client_certificate(use):
    """The server asks for a certificate, and ends the handshake without one."""
    certificate = use("authority").issue()
    certificate.mutual = True
    made = use("peer")(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), certificate)
    return https(use, made)


def version(http2, wanted):
    return lambda use: https(
        use, use("nginx")(use("authority").issue(), http2=http2), "/", valid_http_versions=[wanted]
    )


def forbidden(use):
    return https(use, use("nginx")(use("authority").issue()), "/", fail_if_ssl=True)


def intermediate(**how):
    return lambda authority: authority.intermediate().issue(**how)


FAULTS = {
    "expired": (site(lambda a: a.expired()), "tls_expired", "tls", "certificate expired"),
    "not yet valid": (site(lambda a: a.not_yet_valid()), "tls_not_yet_valid", "tls", "not valid yet"),
    "for another name": (site(lambda a: a.wrong_host()), "tls_wrong_host", "tls", "elsewhere.example"),
    "not for the name that is asked": (another_name, "tls_wrong_host", "tls", "elsewhere.example"),
    "self-signed": (site(lambda a: a.self_signed()), "tls_untrusted", "tls", "no chain"),
    "of an unknown authority": (unknown_authority, "tls_untrusted", "tls", "no chain"),
    "without the authority between": (site(intermediate(chain=False)), "tls_untrusted", "tls", "no chain"),
    "expired below another authority": (site(intermediate(valid=-HOUR)), "tls_expired", "tls", ""),
    "revoked": (revoked, "tls_revoked", "tls", "Revoked"),
    "of a revoked authority": (revoked_above, "tls_revoked", "tls", "Revoked"),
    "for clients alone": (site(lambda a: a.issue(client=True)), "tls_untrusted", "tls", "client authentication"),
    "no TLS": (plain, "tls_handshake", "tls", "does not speak TLS"),
    "SSH": (peer(says(b"SSH-2.0-OpenSSH_9.2\r\n")), "tls_handshake", "tls", "does not speak TLS"),
    "closed in the handshake": (peer(shut()), "tls_handshake", "tls", ""),
    "no client certificate": (no_client_certificate, "tls_handshake", "processing", "CertificateRequired"),
    "silent": (peer(silent(), "500ms"), "tls_timeout", "tls", "deadline of 500ms exceeded"),
    "half-open": (half_open, "tls_timeout", "tls", "deadline of 500ms exceeded"),
    "a reset in the handshake": (cut_handshake, "tcp_reset", "tls", "reset"),
    "a reset in the body": (cut_body(http2=False), "tcp_reset", "transfer", "reset"),
    "a reset in the body of HTTP/2": (cut_body(http2=True), "tcp_reset", "transfer", "reset"),
    "an answer of HTTP/2 that breaks off": (stream_reset, "http_closed", "transfer", "stream error"),
    "closed without an answer": (closed_in_tls, "http_closed", "processing", ""),
    "HTTP/2 that is late": (late_in_http2, "http_timeout", "processing", "deadline of 500ms exceeded"),
    "HTTP/2": (version(True, "HTTP/1.1"), "http_version", "processing", "HTTP/2.0, not HTTP/1.1"),
    "no HTTP/2": (version(False, "HTTP/2.0"), "http_version", "processing", "HTTP/1.1, not HTTP/2.0"),
    "TLS": (forbidden, "tls_forbidden", "tls", ""),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_tls_has_its_reason_until_it_ends(fault, agent, http_receiver, request):
    make, reason, phase, *says = fault
    watched = Watched(agent, http_receiver, make(request.getfixturevalue))
    watched.fails_with(reason, phase, *says).recovers()
