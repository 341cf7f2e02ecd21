"""Flows against a real application: a form with a token, a session in a cookie, an API behind them."""

import copy

import pytest
from harness.program import Program
from harness.sections import otlp, probing
from harness.wait import until

STEPS = [
    {
        "name": "form",
        "http": {"url": "/login"},
        "extract": {"csrf": {"regex": 'name="csrf" value="([^"]+)"'}},
    },
    {
        "name": "login",
        "http": {
            "url": "/login",
            "method": "POST",
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            "body": "csrf={{csrf}}&user=probe&password=p%26ss",
            "fail_if_body_not_matches_regexp": ["^welcome$"],
        },
        "extract": {"basket": {"header": "X-Basket"}},
    },
    {
        "name": "token",
        "http": {"url": "/api/token"},
        "extract": {"token": {"json": "$.token"}, "user": {"json": "$.user.name"}},
    },
    {
        "name": "basket",
        "http": {
            "url": "/api/baskets/{{basket}}",
            "method": "POST",
            "headers": {"Authorization": "Bearer {{token}}", "Content-Type": "application/json"},
            "body": '{"user": "{{user}}"}',
            "json": [{"path": "$.basket", "equals": "fruit & nuts"}, {"path": "$.items", "min": 1}],
        },
    },
]
NAMES = [step["name"] for step in STEPS]


@pytest.fixture
def members(request, tmp_path):
    made = Program(tmp_path / "members", "members")
    request.addfinalizer(made.stop)
    return made


def flow(members, change=lambda steps: None, **over):
    steps = copy.deepcopy(STEPS)
    change(steps)
    return {"name": "visit", "flow": {"url": f"http://{members.address}/", "steps": steps, **over}}


def probed(agent):
    def done():
        page = agent.scrape()
        return page if page.value("vigie_probe_runs_total", probe="visit") else None

    return until(done, "the flow was run")


def by_step(page, name):
    return {sample.labels["step"]: sample.value for sample in page.series(name, probe="visit")}


def failure(page):
    (sample,) = page.series("probe_failure_info", probe="visit")
    return sample.labels["reason"], sample.labels["phase"]


def test_a_visitor_logs_in_and_uses_what_the_answers_gave(agent, members):
    page = probed(agent(probing(flow(members))))
    assert page.value("probe_success", probe="visit") == 1
    assert by_step(page, "probe_flow_step_success") == dict.fromkeys(NAMES, 1)
    assert by_step(page, "probe_flow_step_status_code") == dict.fromkeys(NAMES, 200)
    took = by_step(page, "probe_flow_step_duration_seconds")
    for step in NAMES:
        phases = {
            sample.labels["phase"]: sample.value
            for sample in page.series("probe_flow_duration_seconds", probe="visit", step=step)
        }
        assert phases.keys() == {"resolve", "connect", "tls", "processing", "transfer"}
        assert 0 < sum(phases.values()) <= took[step] + 0.001
    assert sum(took.values()) <= page.value("probe_duration_seconds", probe="visit") + 0.001


def test_the_step_that_fails_is_named_and_those_after_it_do_not_run(agent, members):
    def forget(steps):
        steps[1]["http"]["body"] = "user=probe&password=p%26ss"

    started = agent(probing(flow(members, forget)))
    page = probed(started)
    assert failure(page) == ("http_status", "processing")
    assert by_step(page, "probe_flow_failed_step_info") == {"login": 1}
    assert by_step(page, "probe_flow_step_success") == {"form": 1, "login": 0, "token": 0, "basket": 0}
    assert by_step(page, "probe_flow_step_status_code") == {"form": 200, "login": 403, "token": 0, "basket": 0}
    until(lambda: "step login: status 403" in started.log, "the log names the step")


def test_without_cookies_the_session_is_lost(agent, members):
    page = probed(agent(probing(flow(members, cookies=False))))
    assert by_step(page, "probe_flow_failed_step_info") == {"login": 1}


def test_a_value_that_is_not_in_the_answer_fails_its_step(agent, members):
    def elsewhere(steps):
        steps[2]["extract"]["token"] = {"json": "$.tokens[0]"}

    page = probed(agent(probing(flow(members, elsewhere))))
    assert failure(page) == ("flow_extract", "transfer")
    assert by_step(page, "probe_flow_failed_step_info") == {"token": 1}


def test_a_flow_whose_step_hangs_says_in_which_and_where(agent, members, nginx):
    def hang(steps):
        steps[2]["http"]["url"] = nginx().url + "/late/5"

    page = probed(agent(probing(flow(members, hang) | {"timeout": "2s"})))
    assert failure(page) == ("http_timeout", "processing")
    assert by_step(page, "probe_flow_failed_step_info") == {"token": 1}
    assert 0.5 < by_step(page, "probe_flow_step_duration_seconds")["token"] < 4


def test_each_step_is_a_span_and_no_value_is_told(agent, members, http_receiver):
    def loud(steps):
        steps[3]["http"]["fail_if_body_matches_regexp"] = ["basket"]

    config = probing(flow(members, loud) | {"trace": True, "interval": "1h"}, exporters={"otlp": [otlp(http_receiver)]})
    started = agent(config)
    until(lambda: any(span.name == "flow" for span in http_receiver.spans) and http_receiver.logs, "it is told")
    spans = http_receiver.spans
    (root,) = [span for span in spans if span.name == "flow"]
    steps = [span for span in spans if span.raw.parent_span_id == root.raw.span_id]
    assert [span.name for span in steps] == NAMES
    phases = [span.name for span in spans if span.raw.parent_span_id == steps[0].raw.span_id]
    assert phases == ["connect", "processing", "transfer"]
    assert root.attributes["vigie.probe.step"] == "basket"
    (down,) = [record for record in http_receiver.logs if "visit" in record.text]
    assert "step basket: " in down.text
    assert "<redacted>" in down.attributes["vigie.probe.response"]
    told = started.log + repr(spans) + repr(http_receiver.logs) + started.get("/metrics").text
    assert "fruit" not in told and "nuts" not in told
