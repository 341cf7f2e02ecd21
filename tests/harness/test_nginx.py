"""nginx does what its table says, as curl and openssl see it."""

import json

import pytest

from harness.curl import curl, handshake
from harness.faulty import Faulty, cut_answer
from harness.nginx import ANSWER, HUGE, PASSWORD, TEXT, TOKEN, USER
from harness.peer import Peer, answers, reset


@pytest.fixture(scope="module")
def site(module_nginx):
    return module_nginx()


def test_its_statuses_and_redirects(site):
    assert curl(site.url + "/").body == b"hello from nginx\n"
    for status in (204, 404, 503):
        assert curl(f"{site.url}/status/{status}").status == status
    for status in (301, 302, 303, 307, 308):
        seen = curl(f"{site.url}/redirect/{status}")
        assert (seen.status, seen.report["redirect_url"]) == (status, site.url + "/")
    followed = curl(site.url + "/chain/12", "-L")
    assert (followed.status, followed.report["num_redirects"]) == (200, 12)
    assert curl(site.url + "/loop", "-L", "--max-redirs", "5").code == 47
    assert curl(site.url + "/to?url=https://127.0.0.1:1/a").report["redirect_url"] == "https://127.0.0.1:1/a"


def test_what_it_keeps_from_strangers(site, tmp_path):
    assert curl(site.url + "/private").status == 401
    assert curl(site.url + "/private", "-u", f"{USER}:wrong").status == 401
    assert curl(site.url + "/private", "-u", f"{USER}:{PASSWORD}").body == b"welcome\n"
    assert curl(site.url + "/bearer").status == 401
    token = json.loads(curl(site.url + "/token", "-d", "grant_type=client_credentials").body)["access_token"]
    assert curl(site.url + "/bearer", "-H", f"Authorization: Bearer {token}").status == 200
    assert token == TOKEN and curl(site.url + "/member").status == 401
    assert curl(site.url + "/login", "-L", "-c", tmp_path / "jar", "-b", tmp_path / "jar").body == b"welcome\n"


def test_bodies_and_headers(site):
    assert curl(site.url + "/echo", "-d", "a body").body == b"a body"
    headers = curl(site.url + "/headers", "-D", "-").body.decode()
    assert "X-Request-Id: 42\r\nX-Twice: one\r\nX-Twice: two\r\n" in headers
    seen = curl(site.url + "/json")
    assert json.loads(seen.body) == ANSWER and seen.report["content_type"] == "application/json"
    site.write("changing.json", '{"a": 1}')
    site.write("changing.json", '{"a": 2}')
    assert curl(site.url + "/files/changing.json").body == b'{"a": 2}'


def test_it_compresses_for_who_wants_it(site):
    plain = curl(site.url + "/text")
    assert plain.body.decode() == TEXT and plain.report["size_download"] == len(TEXT)
    for encoding in ("gzip", "br"):
        seen = curl(site.url + "/text", "-H", f"Accept-Encoding: {encoding}", "--compressed")
        assert seen.body.decode() == TEXT and seen.report["size_download"] < len(TEXT) / 3
    headers = curl(site.url + "/text", "-H", "Accept-Encoding: br", "-D", "-", "-o", "/dev/null").body.decode()
    assert "Content-Encoding: br" in headers
    assert curl(site.url + "/plain-text", "--compressed").report["size_download"] == len(TEXT)


def test_it_is_slow_where_it_should_be(site):
    seen = curl(site.url + "/late/0.4")
    assert seen.body == b"late\n" and 0.4 <= seen.report["time_starttransfer"] < 5
    seen = curl(site.url + "/trickle", timeout=2)
    assert seen.code == 28 and 0 < len(seen.body) < 10_000


def test_its_huge_body_is_huge_and_takes_no_room(site):
    seen = curl(site.url + "/huge", "-r", f"{HUGE - 10}-")
    assert (seen.status, seen.body) == (206, bytes(10))
    assert curl(site.url + "/huge", "--max-filesize", "1000000").code == 63
    assert (site.directory / "www/huge.bin").stat().st_blocks < 100


def test_it_tells_what_it_was_asked(nginx):
    site = nginx()
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    curl(site.url + "/echo?q=1", "-H", f"traceparent: {parent}", "-A", "probe", "-d", 'a "body"')
    (asked,) = site.wait_requests(1)
    assert (asked["method"], asked["uri"], asked["status"]) == ("POST", "/echo?q=1", 200)
    assert (asked["traceparent"], asked["agent"], asked["body"]) == (parent, "probe", 'a "body"')


def test_it_comes_back_on_its_port(nginx):
    site = nginx()
    site.stop()
    assert curl(site.url).code == 7
    site.start()
    assert curl(site.url).status == 200


@pytest.mark.parametrize("version, other", [("1.2", "1.3"), ("1.3", "1.2")])
def test_it_speaks_one_tls_version_alone(nginx, authority, version, other):
    site = nginx(authority.issue(), protocols=f"TLSv{version}")
    ca = ("--cacert", authority.ca_file)
    assert curl(site.url, *ca).status == 200
    limits = {"1.2": ["--tlsv1.2", "--tls-max", "1.2"], "1.3": ["--tlsv1.3"]}
    assert curl(site.url, *ca, *limits[version]).status == 200
    assert curl(site.url, *ca, *limits[other]).code == 35
    assert [asked["tls"] for asked in site.wait_requests(2)] == [f"TLSv{version}"] * 2


def test_http2_over_tls_and_without(nginx, authority):
    site = nginx(authority.issue(), http2=True)
    assert curl(site.url, "--cacert", authority.ca_file, "--http2").version == "2"
    assert curl(site.url, "--cacert", authority.ca_file, "--http1.1").version == "1.1"
    assert curl(nginx(http2=True).url, "--http2-prior-knowledge").version == "2"


def test_ipv6_and_names(nginx, authority):
    site = nginx(authority.issue(names=("localhost", "site.example")), host="::1")
    assert curl(site.url, "--cacert", authority.ca_file).status == 200
    url = f"https://site.example:{site.port}/"
    assert curl(url, "--cacert", authority.ca_file, "--resolve", f"site.example:{site.port}:[::1]").status == 200
    assert [asked["name"] for asked in site.wait_requests(2)] == ["", "site.example"]


def test_client_certificates_are_wanted_and_revoked_ones_refused(nginx, authority):
    good, bad = authority.client(), authority.client("revoked one")
    authority.revoke(bad)
    site = nginx(authority.issue(), client_ca=authority.ca_file, crl=authority.crl_file)

    def status(*args):
        return curl(site.url, "--cacert", authority.ca_file, *args).status

    assert status() == 400
    assert status("--cert", good.cert_file, "--key", good.key_file) == 200
    assert status("--cert", bad.cert_file, "--key", bad.key_file) == 400
    assert [asked["client"] for asked in site.wait_requests(3)] == ["", "CN=vigie test client", "CN=revoked one"]


def test_an_upstream_that_resets_shows_as_nginx_shows_it(nginx):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun"
    upstream = Peer(answers(head, then=reset()))
    try:
        seen = curl(nginx(upstream=upstream.address).url + "/upstream/")
        assert (seen.code, seen.status) == (18, 200)
    finally:
        upstream.stop()


def test_a_reset_in_the_middle_of_an_answer(nginx):
    between = Faulty(nginx())
    try:
        between.does(cut_answer(after=100_000))
        seen = curl(between.url + "/plain-text")
        assert seen.code == 56 and 90_000 < len(seen.body) < 100_000
    finally:
        between.close()


def test_every_kind_of_certificate_is_what_it_is_called(nginx, authority):
    below = authority.intermediate()
    unverified = {
        "certificate has expired": authority.expired(),
        "certificate is not yet valid": authority.not_yet_valid(),
        "self-signed certificate": authority.self_signed(),
        "unable to get local issuer certificate": below.issue(chain=False),
    }
    for reason, certificate in unverified.items():
        well, said = handshake(nginx(certificate).address, ca_file=authority.ca_file)
        assert not well and reason in said, said
    address = nginx(below.issue()).address
    assert handshake(address, ca_file=authority.ca_file)[0]
    address = nginx(authority.wrong_host()).address
    assert handshake(address, ca_file=authority.ca_file)[0]
    well, said = handshake(address, "-verify_hostname", "localhost", ca_file=authority.ca_file)
    assert not well and "hostname mismatch" in said


def test_a_revoked_certificate_is_on_the_list(nginx, authority):
    below = authority.intermediate()
    good, bad = below.issue(), below.issue()
    below.revoke(bad)
    checked = ("-crl_check_all", "-CRL", str(below.crl_file))
    # Of the lists in the file openssl takes the first alone, and the root's is wanted as well.
    assert below.crl_file.read_text().count("BEGIN X509 CRL") == 2
    well, said = handshake(nginx(bad).address, "-crl_check", *checked[1:], ca_file=authority.ca_file)
    assert not well and "certificate revoked" in said
    assert handshake(nginx(good).address, "-crl_check", *checked[1:], ca_file=authority.ca_file)[0]
