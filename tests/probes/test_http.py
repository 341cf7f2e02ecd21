"""Probes of a real nginx under blackbox_exporter's names, and how each way of failing shows."""

import datetime
import socket
import threading
import time

import pytest
from harness.exporters import blackbox_exporter
from harness.ports import free_port
from harness.sections import probing
from harness.wait import until

PHASES = {"resolve", "connect", "tls", "processing", "transfer"}


def probed(agent, target, timeout=15, **expected):
    """Waits until the probe of `target` has a result, and returns its page."""

    def done():
        page = agent.scrape()
        return page if page.value("probe_duration_seconds", instance=target) > 0 else None

    return until(done, f"{target} is probed", timeout)


def test_a_probe_that_succeeds_says_how(agent, nginx):
    url = nginx().url + "/"
    page = probed(agent(probing({"name": "home", "http": {"url": url}})), url)
    assert page.value("probe_success", instance=url) == 1
    assert page.value("probe_http_status_code", instance=url) == 200
    assert page.value("probe_http_version", instance=url) == 1.1
    assert page.value("probe_http_ssl", instance=url) == 0
    assert page.value("probe_http_redirects", instance=url) == 0
    assert page.value("probe_ip_protocol", instance=url) == 4
    assert page.value("probe_http_content_length", instance=url) == len("hello from nginx\n")
    phases = {
        sample.labels["phase"]: sample.value for sample in page.series("probe_http_duration_seconds", instance=url)
    }
    assert phases.keys() == PHASES
    assert 0 < sum(phases.values()) <= page.value("probe_duration_seconds", instance=url) + 0.001


def test_redirects_are_followed_and_counted(agent, nginx):
    url = nginx().url + "/redirect"
    page = probed(agent(probing({"name": "home", "http": {"url": url}})), url)
    assert page.value("probe_success", instance=url) == 1
    assert page.value("probe_http_redirects", instance=url) == 1
    assert page.value("probe_http_status_code", instance=url) == 200


def test_redirects_without_end_are_a_failure(agent, nginx):
    url = nginx().url + "/loop"
    page = probed(agent(probing({"name": "home", "http": {"url": url}})), url)
    assert page.value("probe_success", instance=url) == 0


@pytest.mark.parametrize("path, status", [("/gone", 410), ("/broken", 500)])
def test_a_status_other_than_2xx_is_a_failure(agent, nginx, path, status):
    url = nginx().url + path
    page = probed(agent(probing({"name": "home", "http": {"url": url}})), url)
    assert page.value("probe_success", instance=url) == 0
    assert page.value("probe_http_status_code", instance=url) == status


def test_names_types_and_labels_are_blackbox_exporters(agent, nginx, tmp_path):
    url = nginx().url + "/"
    config = tmp_path / "blackbox.yml"
    config.write_text("modules:\n  http_2xx:\n    prober: http\n    http: { preferred_ip_protocol: ip4 }\n")
    exporter = blackbox_exporter(tmp_path / "blackbox", f"--config.file={config}")
    try:
        theirs = exporter.scrape(f"/probe?target={url}&module=http_2xx")
    finally:
        exporter.stop()
    ours = probed(agent(probing({"name": "home", "http": {"url": url}})), url)

    def shape(page, **labels):
        return {
            (sample.name, frozenset(pair for pair in sample.labels.items() if pair[0] not in ("instance", "probe")))
            for name in page.names("probe_")
            for sample in page.series(name, **labels)
        }

    assert shape(theirs) - shape(ours, instance=url) == set()
    kinds = {name: family.kind for name, family in theirs.families.items() if name.startswith("probe_")}
    assert {name: ours.families[name].kind for name in kinds} == kinds


def test_a_probe_has_its_series_from_the_first_scrape_on(agent):
    url = f"http://127.0.0.1:{free_port()}/"
    started = agent({"collectors": {"probes": [{"name": "late", "http": {"url": url}, "interval": "1h"}]}})
    assert started.scrape().value("probe_success", instance=url) == 0


def failed_phase(page, url):
    """The one phase that is reported as the place of the failure."""
    found = [sample.labels["phase"] for sample in page.series("probe_failure_info", instance=url) if sample.value]
    assert len(found) == 1, found
    return found[0]


def test_a_refused_port_fails_in_connect(agent):
    url = f"http://127.0.0.1:{free_port()}/"
    page = probed(agent(probing({"name": "refused", "http": {"url": url}})), url)
    assert page.value("probe_success", instance=url) == 0
    assert failed_phase(page, url) == "connect"


def test_a_name_that_does_not_resolve_fails_in_resolve(agent):
    url = "http://no-such-host.invalid/"
    page = probed(agent(probing({"name": "nameless", "http": {"url": url}})), url)
    assert page.value("probe_success", instance=url) == 0
    assert failed_phase(page, url) == "resolve"


def test_a_server_that_does_not_answer_fails_in_processing_at_the_timeout(agent):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        probe = {"name": "silent", "http": {"url": url}, "timeout": "300ms"}
        page = probed(agent(probing(probe)), url)
        assert page.value("probe_success", instance=url) == 0
        assert failed_phase(page, url) == "processing"
        assert 0.29 <= page.value("probe_duration_seconds", instance=url) < 5


def test_a_body_that_stops_half_way_fails_in_transfer(agent):
    server = socket.create_server(("127.0.0.1", 0))

    def half_answer():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
            threading.Timer(2, connection.close).start()

    threading.Thread(target=half_answer, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        page = probed(agent(probing({"name": "half", "http": {"url": url}, "timeout": "300ms"})), url)
        assert page.value("probe_success", instance=url) == 0
        assert failed_phase(page, url) == "transfer"
    finally:
        server.close()


def test_probes_keep_their_interval(agent, nginx):
    site = nginx()
    agent(probing({"name": "home", "http": {"url": site.url + "/"}, "interval": "200ms"}))
    until(lambda: site.access_log.exists() and site.access_log.read_text().count("\n") >= 2, "first probes")
    before, begun = site.access_log.read_text().count("\n"), time.monotonic()
    more = until(lambda: (more := site.access_log.read_text().count("\n") - before) >= 10 and more, "ten more probes")
    assert more <= (time.monotonic() - begun) / 0.2 + 2


def test_a_failure_is_checked_again_before_it_counts(agent, nginx):
    site = nginx(locations="location /flaky { return 503; }")
    url = site.url + "/flaky"
    started = agent(probing({"name": "flaky", "http": {"url": url}, "retries": 2, "interval": "1m"}))
    page = probed(started, url)
    assert page.value("probe_success", instance=url) == 0
    # It is logged when it has been answered.
    until(lambda: site.access_log.read_text().count("\n") == 3, "it was asked three times")


def test_the_log_says_when_a_probe_begins_and_ends_to_fail_and_no_more(agent, nginx):
    site = nginx()
    url = site.url + "/"
    started = agent(probing({"name": "home", "http": {"url": url}}))
    until(lambda: started.value("probe_success", instance=url) == 1, "up")
    site.stop()
    until(lambda: started.value("probe_success", instance=url) == 0, "down")
    time.sleep(1)  # five more failures
    assert sum("home" in line and "WARN" in line for line in started.log.splitlines()) == 1


def test_expiry_is_in_seconds_of_unix_time(agent, nginx, authority):
    certificate = authority.issue(valid=datetime.timedelta(minutes=10))
    url = nginx(certificate).url + "/"
    probe = {"name": "tls", "http": {"url": url, "tls_config": {"ca_file": str(authority.ca_file)}}}
    page = probed(agent(probing(probe)), url)
    assert page.value("probe_success", instance=url) == 1
    assert page.value("probe_http_ssl", instance=url) == 1
    assert page.value("probe_ssl_earliest_cert_expiry", instance=url) == certificate.expires
    (version,) = page.series("probe_tls_version_info", instance=url)
    assert version.labels["version"].startswith("TLS 1.")


def test_an_expired_certificate_fails_in_tls_and_reports_its_expiry(agent, nginx, authority):
    certificate = authority.issue(valid=-datetime.timedelta(hours=1))
    url = nginx(certificate).url + "/"
    probe = {"name": "tls", "http": {"url": url, "tls_config": {"ca_file": str(authority.ca_file)}}}
    page = probed(agent(probing(probe)), url)
    assert page.value("probe_success", instance=url) == 0
    assert failed_phase(page, url) == "tls"
    assert page.value("probe_ssl_earliest_cert_expiry", instance=url) == certificate.expires


def test_a_certificate_of_an_unknown_authority_fails_in_tls(agent, nginx, authority):
    url = nginx(authority.issue()).url + "/"
    page = probed(agent(probing({"name": "tls", "http": {"url": url}})), url)
    assert page.value("probe_success", instance=url) == 0
    assert failed_phase(page, url) == "tls"
