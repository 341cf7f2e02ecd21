"""/probe beside Debian's blackbox_exporter: HTTP, and everything that is the same for all kinds.

What may differ stands in harness/side_by_side.py.
"""

import socket

import pytest
from harness.agent import vigie
from harness.http import request
from harness.peer import answers, silent
from harness.scrape import Scrape, strict
from harness.wait import until

IP4 = {"preferred_ip_protocol": "ip4"}
MODULES = {
    "http_2xx": {"prober": "http", "timeout": "5s", "http": IP4},
    "http_6": {"prober": "http"},
    "post": {
        "prober": "http",
        "http": IP4 | {"method": "POST", "headers": {"Content-Type": "text/plain"}, "body": "hello"},
    },
    "head": {"prober": "http", "http": IP4 | {"method": "HEAD"}},
    "unpacked": {"prober": "http", "http": IP4 | {"compression": "gzip", "headers": {"Accept-Encoding": "gzip"}}},
    "titled": {
        "prober": "http",
        "http": IP4 | {"fail_if_header_not_matches": [{"header": "X-Request-Id", "regexp": "^[0-9]+$"}]},
    },
    "untitled": {"prober": "http", "http": IP4 | {"fail_if_header_matches": [{"header": "x-twice", "regexp": "two"}]}},
    "gone": {"prober": "http", "http": IP4 | {"valid_status_codes": [410]}},
    "http2": {"prober": "http", "http": IP4 | {"valid_http_versions": ["HTTP/2.0"]}},
    "stay": {"prober": "http", "http": IP4 | {"no_follow_redirects": True, "valid_status_codes": [302]}},
    "wanted": {"prober": "http", "http": IP4 | {"fail_if_body_not_matches_regexp": [r"hel+o\s(from|to) \Qnginx\E"]}},
    "refused": {"prober": "http", "http": IP4 | {"fail_if_body_matches_regexp": ["hello"]}},
    "braces": {"prober": "http", "http": IP4 | {"fail_if_body_not_matches_regexp": ['{"status": "ok"']}},
    "login": {"prober": "http", "http": IP4 | {"basic_auth": {"username": "alice", "password": "correct horse"}}},
    "no_tls": {"prober": "http", "http": IP4 | {"fail_if_ssl": True}},
    "tls_only": {"prober": "http", "http": IP4 | {"fail_if_not_ssl": True}},
    "small": {"prober": "http", "http": IP4 | {"body_size_limit": "1KB"}},
    "quick": {"prober": "http", "timeout": "300ms", "http": IP4},
}


def test_http_probes_are_alike(pair, nginx):
    """One after another: starting both is what takes time."""
    both, url = pair(MODULES), nginx().url
    cases = [
        ("http_2xx", "/", 1),
        ("http_6", "/", 1),
        ("http_2xx", "/redirect", 1),
        ("http_2xx", "/chain/3", 1),
        ("http_2xx", "/loop", 0),
        ("stay", "/redirect", 1),
        ("http_2xx", "/gone", 0),
        ("gone", "/gone", 1),
        ("http_2xx", "/broken", 0),
        ("http_2xx", "/json", 1),
        ("http_2xx", "/status/204", 1),
        ("http_2xx", "/status/304", 0),
        ("http_2xx", "/text", 1),
        ("unpacked", "/text", 1),
        ("head", "/", 1),
        ("titled", "/headers", 1),
        ("untitled", "/headers", 0),
        ("http2", "/", 0),
        ("post", "/echo", 1),
        ("wanted", "/", 1),
        ("wanted", "/json", 0),
        ("refused", "/", 0),
        ("braces", "/json", 1),
        ("braces", "/", 0),
        ("http_2xx", "/private", 0),
        ("login", "/private", 1),
        ("no_tls", "/", 1),
        ("tls_only", "/", 0),
        ("small", "/plain-text", 0),
    ]
    for module, path, success in cases:
        assert both.alike(module, url + path).value("probe_success") == success, (module, path)
    # No scheme is plain HTTP; a user in the URL logs in.
    host = url.removeprefix("http://")
    assert both.alike("http_2xx", host).value("probe_success") == 1
    assert both.alike("http_2xx", f"http://alice:correct%20horse@{host}/private").value("probe_success") == 1


def test_https_probes_are_alike(pair, nginx, authority):
    certificate = authority.issue()
    trusted = {"prober": "http", "http": IP4 | {"tls_config": {"ca_file": str(certificate.ca_file)}}}
    other_name = trusted | {"http": trusted["http"] | {"headers": {"Host": "other.test"}}}
    both = pair({"trusted": trusted, "other_name": other_name, **MODULES})
    plain = nginx(certificate=certificate)
    http2 = nginx(certificate=certificate, http2=True)
    tls12 = nginx(certificate=certificate, protocols="TLSv1.2")
    for site, version in ((plain, 1.1), (http2, 2), (tls12, 1.1)):
        page = both.alike("trusted", site.url + "/")
        assert (page.value("probe_success"), page.value("probe_http_version")) == (1, version)
        assert both.alike("http_2xx", site.url + "/").value("probe_success") == 0
    assert both.alike("other_name", plain.url + "/").value("probe_success") == 0


def test_probes_of_what_is_not_there_are_alike(pair, peer, refused):
    both = pair(MODULES)
    page = both.alike("http_2xx", f"http://{refused.address}/")
    assert [s.labels for s in page.series("probe_failure_info")] == [{"reason": "tcp_refused", "phase": "connect"}]
    page = both.alike("http_2xx", "http://name.invalid/")
    assert page.series("probe_failure_info")[0].labels["phase"] == "resolve"
    assert both.alike("http_2xx", "http://[::1/").value("probe_success") == 0
    page = both.alike("quick", peer(silent()).url + "/")
    assert 0.29 <= page.value("probe_duration_seconds") < 3


@pytest.mark.parametrize(
    "query, headers, status",
    [
        ("target=127.0.0.1:1&module=nobody", {}, 400),
        ("module=http_2xx", {}, 400),
        ("module=http_2xx&target=", {}, 400),
        ("target=x&module=hosted&hostname=other.test", {}, 400),
        ("target=x&module=http_2xx", {"X-Prometheus-Scrape-Timeout-Seconds": "soon"}, 500),
    ],
)
def test_what_cannot_be_probed_is_refused_alike(pair, query, headers, status):
    hosted = {"prober": "http", "http": {"headers": {"host": "one.test"}}}
    ours, theirs = pair({"hosted": hosted, **MODULES}).answers(query, headers=headers)
    assert (ours.status, theirs.status) == (status, status)
    if "hosted" not in query and status == 400:
        assert ours.text == theirs.text


def test_a_scrape_says_how_long_a_probe_may_take(pair, peer):
    both = pair(MODULES)
    query = f"target={peer(silent()).url}/&module=http_2xx"
    for answer in both.answers(query, headers={"X-Prometheus-Scrape-Timeout-Seconds": "1"}):
        page = Scrape(answer.text)
        assert page.value("probe_success") == 0
        assert 0.49 <= page.value("probe_duration_seconds") < 3


def test_a_hostname_is_sent_and_the_address_stays(pair, nginx):
    both, site = pair(MODULES), nginx()
    for answer in both.answers(f"target={site.url}/&module=http_2xx&hostname=shop.test"):
        assert Scrape(answer.text).value("probe_success") == 1
    assert [asked["host"] for asked in site.wait_requests(2)] == ["shop.test", "shop.test"]


def counted(agent, wanted, name, **labels):
    """Waits until a scrape says so: values may be a second old."""
    until(lambda: agent.scrape().value(name, **labels) == wanted, f"{name} is {wanted}")


def test_answers_come_as_they_are_asked_for(pair, nginx):
    query = f"target={nginx().url}/&module=http_2xx"
    both = pair(MODULES)
    openmetrics = both.ask(query, headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert "probe_success" in {family.name for family in strict(openmetrics.text)}
    packed = both.ask(query, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    counted(both.agent, 2, "vigie_blackbox_probes_total", module="http_2xx", outcome="success")
    counted(both.agent, 0, "blackbox_module_unknown_total")
    assert "instance=" not in openmetrics.text


def test_debugging_tells_what_happened_without_secrets(pair, nginx):
    answer = pair(MODULES).ask(f"target={nginx().url}/private&module=login&debug=true")
    logs, rest = answer.text.split("Metrics that would have been returned:")
    metrics, module = rest.split("Module configuration:")
    assert logs.startswith("Logs for the probe:") and "connected to 127.0.0.1:" in logs
    assert "the probe succeeded" in logs
    assert Scrape(metrics).value("probe_success") == 1
    assert "alice" in module and "correct horse" not in answer.text


def failure(answer):
    return Scrape(answer.text).series("probe_failure_info")[0].labels["reason"]


def test_link_local_and_metadata_addresses_are_refused_unless_they_are_allowed(pair, nginx):
    both, site = pair(MODULES), nginx()
    for target in (
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.1.1/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0xa9fea9fe/",
        "http://100.100.100.200/",
        site.url + "/to?url=http://169.254.169.254/",
    ):
        answer = both.ask(f"module=http_2xx&target={target}")
        assert failure(answer) == "target_forbidden", target
        # Nothing is waited for: the module may take 5 s.
        assert Scrape(answer.text).value("probe_duration_seconds") < 3
    both.agent.reload({"collectors": {"blackbox": str(both.file), "blackbox_access": {"allow_metadata": True}}})
    allowed = both.ask("module=quick&target=http://169.254.169.254/")
    assert failure(allowed) != "target_forbidden"
    assert failure(both.ask("module=quick&target=http://169.254.1.1/")) == "target_forbidden"


def test_a_proxy_is_not_asked_for_what_may_not_be_probed(pair, peer):
    """The proxy itself is the module's own affair, and may be anywhere."""
    proxy = peer(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    through = {"proxy_url": proxy.url, "skip_resolve_phase_with_proxy": True}
    modules = {"through": {"prober": "http", "timeout": "2s", "http": through}}
    both = pair({"through": {"prober": "http", "timeout": "2s"}}, access={"targets": ["*.test"]})
    both.write(modules)
    assert both.agent.reload().status == 200
    for target in ("http://169.254.169.254/", "https://other.example/"):
        assert failure(both.ask(f"module=through&target={target}")) == "target_forbidden", target
    assert not proxy.received
    assert Scrape(both.ask("module=through&target=http://shop.test/").text).value("probe_success") == 1


def test_only_what_is_allowed_is_probed_where_that_is_said(pair, nginx):
    site = nginx()
    both = pair(MODULES, access={"targets": ["127.0.0.0/8", "allowed.test"], "modules": ["http_2xx"]})
    assert Scrape(both.ask(f"target={site.url}/").text).value("probe_success") == 1
    assert both.ask(f"target={site.url}/&module=gone").status == 403
    both.agent.reload({"collectors": {"blackbox": str(both.file), "blackbox_access": {"targets": ["10.0.0.0/8"]}}})
    for target in (site.url + "/", site.url.replace("127.0.0.1", "localhost")):
        assert failure(both.ask(f"target={target}")) == "target_forbidden"


def test_more_probes_than_may_run_are_turned_away_and_those_nobody_waits_for_end(pair, peer):
    hanging = peer(silent())
    both = pair(MODULES, access={"concurrency": 1})
    address = both.agent.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as waiting:
        waiting.sendall(f"GET /probe?module=http_6&target={hanging.url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        until(lambda: hanging.received, "the first probe runs")
        assert both.ask("target=127.0.0.1:1").status == 503
    until(lambda: both.ask("target=127.0.0.1:1").status == 200, "the first probe has ended")
    until(lambda: both.agent.scrape().value("vigie_blackbox_busy_total") >= 1, "who was turned away is counted")


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(pair, nginx):
    both, url = pair(MODULES), nginx().url + "/"
    both.write({"new": {"prober": "http"}})
    until(lambda: both.ask(f"target={url}&module=new").status == 200, "the file was read again")
    assert both.ask(f"target={url}&module=http_2xx").status == 400
    both.write({"new": {"prober": "pop3"}})
    answer = both.agent.reload()
    assert answer.status == 400 and "modules.new.prober: unknown value `pop3`" in answer.text
    assert both.ask(f"target={url}&module=new").status == 200
    counted(both.agent, 0, "blackbox_exporter_config_last_reload_successful")
    # What a dashboard asks of the exporter itself is here under its names.
    names = {name for name in both.theirs.scrape().names("blackbox_") if not name.endswith("_created")}
    assert names <= both.agent.scrape().names("blackbox_")


def test_a_broken_file_keeps_the_agent_from_starting(tmp_path):
    file = tmp_path / "blackbox.yml"
    file.write_text("modules:\n  web:\n    prober: http\n    timout: 5s\n")
    config = tmp_path / "vigie.yaml"
    config.write_text("collectors: { blackbox: blackbox.yml }\n")
    for command in ("run", "check"):
        ended = vigie(command, "-c", config)
        assert ended.returncode == 78
        assert f"{file}:4:5: modules.web.timout: unknown key (did you mean `timeout`?)" in ended.stderr


def test_without_a_file_there_is_nothing_to_ask(agent):
    started = agent({})
    assert request(started.url + "/probe?target=127.0.0.1").status == 404
