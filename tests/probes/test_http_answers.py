"""What is said of an HTTP answer and sent with a request, with a real nginx, beside blackbox_exporter."""

import pytest
from harness.exporters import Blackbox
from harness.nginx import ANSWER, TEXT, TOKEN
from harness.sections import probing
from harness.wait import until

GZIP = {"headers": {"Accept-Encoding": "gzip"}}
HEADERS = [
    ({"header": "X-Twice", "regexp": "^two$"}, True),
    ({"header": "X-Twice", "regexp": "^three$"}, False),
    ({"header": "X-None", "regexp": "."}, None),
    ({"header": "X-None", "regexp": ".", "allow_missing": True}, None),
]
CASES = {
    "gzip": ("/text", {**GZIP, "compression": "gzip"}),
    "brotli": ("/text", {"headers": {"Accept-Encoding": "br"}, "compression": "br"}),
    "not compressed": ("/plain-text", {**GZIP, "compression": "gzip"}),
    "another compression": ("/text", {**GZIP, "headers": {"Accept-Encoding": "gzip, br"}, "compression": "gzip"}),
    "identity": ("/plain-text", {"compression": "identity"}),
    "not asked to be compressed": ("/text", {"compression": "gzip"}),
    "searched": ("/text", {**GZIP, "compression": "gzip", "fail_if_body_not_matches_regexp": ["line 4999 "]}),
    "short enough": ("/text", {**GZIP, "compression": "gzip", "body_size_limit": f"{len(TEXT)}B"}),
    "too long": ("/text", {**GZIP, "compression": "gzip", "body_size_limit": f"{len(TEXT) - 1}B"}),
    "cookies": ("/login", {}),
    "a token": ("/bearer", {"oauth2": {"client_id": "me", "client_secret": "x", "token_url": "TOKEN"}}),
    "no token": ("/bearer", {"oauth2": {"client_id": "me", "client_secret": "x", "token_url": "GONE"}}),
}
CASES |= {
    f"header {number} refused": ("/headers", {"fail_if_header_matches": [rule]})
    for number, (rule, _) in enumerate(HEADERS)
}
CASES |= {
    f"header {number} wanted": ("/headers", {"fail_if_header_not_matches": [rule]})
    for number, (rule, _) in enumerate(HEADERS)
}


def made(options, site):
    """The options with what only the test knows."""
    known = {"TOKEN": site.url + "/token", "GONE": site.url + "/gone"}

    def filled(value):
        if isinstance(value, dict):
            return {key: filled(item) for key, item in value.items()}
        return known.get(value, value) if isinstance(value, str) else value

    return filled(options)


def pages(agent, probes):
    """The page on which all of these have a result."""
    started = agent(probing(*probes))

    def done():
        page = started.scrape()
        return page if all(page.value("vigie_probe_runs_total", probe=probe["name"]) for probe in probes) else None

    return until(done, "all were probed")


def failure(page, name):
    (sample,) = page.series("probe_failure_info", probe=name)
    return sample.labels["reason"]


def test_verdicts_and_lengths_are_blackbox_exporters(agent, nginx, tmp_path):
    site = nginx()
    settings = {name: (site.url + path, made(options, site)) for name, (path, options) in CASES.items()}
    names = {name: name.replace(" ", "_") for name in CASES}
    modules = {
        names[name]: {"prober": "http", "http": {"preferred_ip_protocol": "ip4", **options}}
        for name, (_, options) in settings.items()
    }
    page = pages(agent, [{"name": name, "http": {"url": url, **options}} for name, (url, options) in settings.items()])
    exporter = Blackbox(tmp_path / "blackbox", modules)
    try:
        for name, (url, _) in settings.items():
            theirs = exporter.probe(url, names[name])
            assert page.value("probe_success", probe=name) == theirs.value("probe_success"), name
            for series in ("probe_http_status_code", "probe_failed_due_to_regex", "probe_http_redirects"):
                assert page.value(series, probe=name) == theirs.value(series), (name, series)
            if theirs.value("probe_success"):
                length = "probe_http_uncompressed_body_length"
                assert page.value(length, probe=name) == theirs.value(length), name
    finally:
        exporter.stop()


@pytest.mark.parametrize(
    ("path", "options", "reason"),
    [
        ("/headers", {"fail_if_header_matches": [{"header": "x-request-id", "regexp": "42"}]}, "header_mismatch"),
        ("/plain-text", {"compression": "br"}, "body_compression"),
        ("/huge", {"body_size_limit": "1MiB"}, "body_too_large"),
        ("/json", {"json": [{"path": "$.status", "equals": "degraded"}]}, "json_mismatch"),
        ("/text", {"json": [{"path": "$.status"}]}, "body_not_json"),
    ],
)
def test_each_way_of_failing_has_its_reason(agent, nginx, path, options, reason):
    probe = {"name": "judged", "http": {"url": nginx().url + path, **options}}
    assert failure(pages(agent, [probe]), "judged") == reason


def test_a_body_is_sent_from_a_file_as_it_is_now(agent, nginx, tmp_path):
    site, body = nginx(), tmp_path / "body"
    body.write_text("first")
    http = {"url": site.url + "/echo", "method": "POST", "body_file": str(body)}
    started = agent(probing({"name": "file", "http": http}))
    until(lambda: any(request["body"] == "first" for request in site.requests), "the first body is sent")
    body.write_text("then")
    until(lambda: any(request["body"] == "then" for request in site.requests), "the other body is sent")
    body.unlink()
    until(lambda: started.value("probe_success", probe="file") == 0, "it fails")
    assert failure(started.scrape(), "file") == "credentials"


def test_json_is_judged_by_its_values(agent, nginx):
    rules = [
        {"path": "$.status", "equals": ANSWER["status"]},
        {"path": "$['version']", "matches": r"^1\."},
        {"path": "$.queue.length", "min": 7, "max": 7},
        {"path": "$.queue.oldest"},
        {"path": "$.checks[-1].name", "matches": "^db$"},
        {"path": "$.error", "exists": False},
    ]
    page = pages(agent, [{"name": "json", "http": {"url": nginx().url + "/json", "json": rules}}])
    assert page.value("probe_success", probe="json") == 1
    assert page.value("probe_failed_due_to_json", probe="json") == 0


def test_a_token_is_fetched_once_and_told_nowhere(agent, nginx):
    site = nginx()
    oauth2 = {"client_id": "me", "client_secret": "hunter2", "token_url": site.url + "/token", "scopes": ["read"]}
    started = agent(probing({"name": "token", "http": {"url": site.url + "/bearer", "oauth2": oauth2}}))
    until(lambda: started.value("vigie_probe_runs_total", probe="token") >= 3, "three runs")
    assert started.value("probe_success", probe="token") == 1
    # The log has a request after its answer.
    until(lambda: sum(request["uri"] == "/bearer" for request in site.requests) >= 3, "all are in the log")
    (asked,) = [request for request in site.requests if request["uri"] == "/token"]
    assert asked["method"] == "POST" and asked["authorization"].startswith("Basic ")
    told = started.log + started.get("/metrics").text
    assert TOKEN not in told and "hunter2" not in told


def test_a_token_that_is_not_to_be_had_is_a_failure_of_credentials(agent, nginx):
    site = nginx()
    oauth2 = {"client_id": "me", "client_secret": "hunter2", "token_url": site.url + "/gone"}
    page = pages(agent, [{"name": "token", "http": {"url": site.url + "/bearer", "oauth2": oauth2}}])
    assert failure(page, "token") == "credentials"
    assert not [request for request in site.requests if request["uri"] == "/bearer"]
