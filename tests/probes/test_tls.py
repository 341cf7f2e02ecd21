"""Probes of certificates: of servers, behind STARTTLS, and in files."""

import datetime

import pytest
from harness.peer import says, shut
from harness.probes import failure, probed
from harness.sections import probing
from harness.wait import until

DAY = datetime.timedelta(days=1)
HOUR = datetime.timedelta(hours=1)
NOT_AFTER = "probe_tls_certificate_not_after_timestamp_seconds"


def run(agent, target, timeout="2s", **tls):
    """The page of a started agent that probes `target`."""
    kind = {"address": target} if ":" in target else {"files": [target]}
    return probed(agent(probing({"name": "certificate", "tls": kind | tls, "timeout": timeout})), target)


def trusting(certificate, **more):
    return {"tls_config": {"ca_file": str(certificate.ca_file)} | more}


def test_each_certificate_of_the_chain_has_its_ends(agent, nginx, authority):
    certificate = authority.intermediate().issue(valid=30 * DAY)
    target = nginx(certificate).address
    page = run(agent, target, **trusting(certificate))
    assert failure(page, target) is None
    ends = {sample.labels["position"]: sample for sample in page.series(NOT_AFTER, instance=target)}
    assert set(ends) == {"0", "1"}
    assert ends["0"].value == certificate.expires == page.value("probe_ssl_earliest_cert_expiry", instance=target)
    assert ends["0"].labels["subject"] == "CN=localhost"
    assert ends["1"].labels["subject"] == ends["0"].labels["issuer"]
    begins = NOT_AFTER.replace("after", "before")
    assert page.value(begins, instance=target, position="0") < certificate.expires - 30 * 86_400


def test_a_chain_that_ends_soon_fails_before_it_ends(agent, nginx, authority):
    certificate = authority.issue(valid=10 * DAY)
    target = nginx(certificate).address
    assert failure(run(agent, target, fail_if_expires_within="9d", **trusting(certificate)), target) is None
    page = run(agent, target, fail_if_expires_within="14d", **trusting(certificate))
    assert failure(page, target) == ("tls_expires_soon", "tls")


def test_a_revoked_certificate_is_told(agent, nginx, authority):
    below = authority.intermediate()
    certificate, other = below.issue(), below.issue()
    below.revoke(certificate)
    for shown, expected in [(certificate, ("tls_revoked", "tls")), (other, None)]:
        target = nginx(shown).address
        page = run(agent, target, **trusting(shown, crl_file=str(below.crl_file)))
        assert failure(page, target) == expected
        assert page.value(NOT_AFTER, instance=target, position="0") == shown.expires


def test_a_list_of_another_authority_says_nothing(agent, nginx, authority):
    certificate = authority.intermediate().issue()
    target = nginx(certificate).address
    elsewhere = authority.intermediate()
    page = run(agent, target, **trusting(certificate, crl_file=str(elsewhere.crl_file)))
    assert failure(page, target) is None


@pytest.mark.parametrize(
    "issue, reason",
    [
        (lambda authority: authority.expired(), "tls_expired"),
        (lambda authority: authority.not_yet_valid(), "tls_not_yet_valid"),
        (lambda authority: authority.wrong_host(), "tls_wrong_host"),
        (lambda authority: authority.self_signed(), "tls_untrusted"),
    ],
    ids=["expired", "not-yet-valid", "wrong-host", "self-signed"],
)
def test_a_refused_chain_still_tells_its_ends(agent, nginx, authority, issue, reason):
    certificate = issue(authority)
    target = nginx(certificate).address
    page = run(agent, target, **trusting(certificate))
    assert failure(page, target) == (reason, "tls")
    assert page.value(NOT_AFTER, instance=target, position="0") == certificate.expires


def test_whoever_trusts_all_still_hears_that_a_certificate_has_ended(agent, nginx, authority):
    target = nginx(authority.expired()).address
    page = run(agent, target, tls_config={"insecure_skip_verify": True})
    assert failure(page, target) == ("tls_expired", "tls")


def test_the_protocol_within_is_what_the_server_chooses(agent, nginx, authority):
    certificate = authority.issue()
    target = nginx(certificate).address
    page = run(agent, target, alpn=["h2", "http/1.1"], **trusting(certificate))
    assert failure(page, target) is None
    assert len(page.series("probe_tls_alpn_info", instance=target)) == 1


def test_a_mail_server_goes_over_to_tls(agent, smtp, authority):
    certificate = authority.issue()
    target = smtp(certificate).address
    page = run(agent, target, starttls="smtp", **trusting(certificate))
    assert failure(page, target) is None
    assert page.value(NOT_AFTER, instance=target) == certificate.expires
    plain = smtp().address
    assert failure(run(agent, plain, starttls="smtp"), plain) == ("tls_starttls_refused", "starttls")


def test_a_database_goes_over_to_tls(agent, postgres):
    target = f"{postgres.host}:{postgres.port}"
    page = run(agent, target, starttls="postgres", tls_config={"insecure_skip_verify": True})
    assert failure(page, target) is None
    assert page.series(NOT_AFTER, instance=target)


def goes_over(certificate, *dialogue):
    """A peer that says a line, waits for a command, and so on, and then makes a handshake."""

    def fault(call):
        for line, command in dialogue:
            call.say(line)
            while command and command not in call.received:
                if not call.receive():
                    return
        with certificate.server_context().wrap_socket(call.socket, server_side=True) as encrypted:
            while encrypted.recv(1024):
                pass

    return fault


@pytest.mark.parametrize(
    "protocol, dialogue, refusal",
    [
        ("imap", [(b"* OK ready\r\n", b"STARTTLS\r\n"), (b"* NOTE\r\na OK go\r\n", b"")], b"* OK hi\r\na NO never\r\n"),
        ("pop3", [(b"+OK ready\r\n", b"STLS\r\n"), (b"+OK go\r\n", b"")], b"+OK hi\r\n-ERR never\r\n"),
        ("ftp", [(b"220-hello\r\n220 ready\r\n", b"AUTH TLS\r\n"), (b"234 go\r\n", b"")], b"220 hi\r\n502 never\r\n"),
        ("postgres", [(b"", b"\x04\xd2\x16\x2f"), (b"S", b"")], b"N"),
    ],
    ids=["imap", "pop3", "ftp", "postgres"],
)
def test_other_protocols_go_over_to_tls_or_refuse(agent, peer, authority, protocol, dialogue, refusal):
    certificate = authority.issue()
    target = peer(goes_over(certificate, *dialogue)).address
    page = run(agent, target, starttls=protocol, **trusting(certificate))
    assert failure(page, target) is None
    refusing = peer(says(refusal)).address
    page = run(agent, refusing, starttls=protocol)
    assert failure(page, refusing) == ("tls_starttls_refused", "starttls")
    closing = peer(shut()).address
    assert failure(run(agent, closing, starttls=protocol), closing)[1] == "starttls"


def test_certificates_in_files_are_read_anew_at_every_run(agent, authority, tmp_path):
    good, short = authority.issue(valid=30 * DAY), authority.issue(valid=DAY)
    (tmp_path / "a.pem").write_bytes(good.cert_file.read_bytes())
    pattern = str(tmp_path / "*.pem")
    files = {"files": [pattern], "fail_if_expires_within": "7d"}
    started = agent(probing({"name": "files", "tls": files}))
    page = probed(started, pattern)
    assert failure(page, pattern) is None
    assert page.value(NOT_AFTER, file=str(tmp_path / "a.pem")) == good.expires

    def becomes(expected):
        runs = started.scrape().value("vigie_probe_runs_total", instance=pattern)

        def later():
            page = started.scrape()
            return page if page.value("vigie_probe_runs_total", instance=pattern) >= runs + 2 else None

        page = until(later, "it has run twice more")
        assert failure(page, pattern) == expected
        return page

    (tmp_path / "b.pem").write_bytes(short.cert_file.read_bytes())
    page = becomes(("tls_expires_soon", "read"))
    assert page.value("probe_ssl_earliest_cert_expiry", instance=pattern) == short.expires
    (tmp_path / "b.pem").write_text("nothing")
    page = becomes(("tls_file", "read"))
    assert page.value(NOT_AFTER, file=str(tmp_path / "a.pem")) == good.expires
    (tmp_path / "b.pem").write_bytes(authority.expired().cert_file.read_bytes())
    becomes(("tls_expired", "read"))
    (tmp_path / "b.pem").write_bytes(authority.not_yet_valid().cert_file.read_bytes())
    becomes(("tls_not_yet_valid", "read"))
    for file in tmp_path.glob("*.pem"):
        file.unlink()
    becomes(("tls_file", "read"))
