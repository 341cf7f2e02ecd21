"""`vigie explain`: what a source makes of lines, without an agent that runs."""

import json

import pytest
import yaml
from harness.agent import vigie
from harness.traced import CALLER, SECTION, TRACE, request

REQUEST = '203.0.113.9 - - [02/Jan/2026:03:04:05 +0000] "GET /orders/7?full=1 HTTP/1.1" 502 157 "-" "curl/8.5"'
TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/pay.py", line 12, in pay
    return PRICES[order]
KeyError: 7
"""
SOURCES = [
    {
        "name": "nginx",
        "parse": ["json", "nginx_combined"],
        "metrics": [{"counter": {"name": "seen_total", "help": "Seen.", "labels": {"method": "http.request.method"}}}],
        "transforms": [
            {"keep": {"field": "url.path", "exists": True}},
            {"drop": {"field": "url.path", "equals": "/x"}},
        ],
    },
    {"name": "app", "multiline": {"preset": "python"}},
    {"name": "any", "parse": "auto"},
    {"name": "jvm", "multiline": {"start": r"^\S"}, "exceptions": {"enabled": True}},
    {"name": "traced"} | SECTION,
    {
        "name": "shop",
        "parse": "json",
        "drop": [{"field": "event", "equals": "noise"}],
        "redact": ["email"],
        "metrics": [
            {
                "counter": {
                    "name": "paid_total",
                    "help": "x",
                    "when": {"field": "event", "equals": "paid"},
                    "add": "amount",
                }
            }
        ],
    },
]
FAILED = {"http.response.status_code": 503}


@pytest.fixture
def explain(tmp_path):
    """`explain("line", …, input=…)`: what is said, as JSON if that is asked for."""
    sources = [source | {"include": [str(tmp_path / source["name"])]} for source in SOURCES]
    exporters = {"otlp": [{"name": "backend", "endpoint": "http://127.0.0.1:1"}]}
    config = tmp_path / "vigie.yaml"
    own = {"agent": {"state_dir": str(tmp_path / "state")}}
    config.write_text(yaml.safe_dump(own | {"collectors": {"logs": sources}, "exporters": exporters}))

    def ask(*args, code=0):
        done = vigie("explain", args[0], "-c", config, *args[1:])
        assert done.returncode == code, done.stderr
        assert not (tmp_path / "state").exists()
        if code:
            return done.stderr
        return json.loads(done.stdout) if "json" in args else done.stdout

    return ask


def test_a_line_is_told_with_its_format_its_record_and_its_series(explain):
    told = explain("line", "--source", "nginx", "--format", "json", REQUEST)
    (text,) = told["texts"]
    assert (text["format"], text["refused"]) == ("nginx_combined", [{"format": "json", "reason": "format"}])
    (record,) = text["records"]
    assert record["exporters"] == ["backend"]
    assert record["fields"]["url.path"] == "/orders/7"
    assert record["fields"]["http.response.status_code"] == 502
    assert record["otlp"]["timeUnixNano"] == "1767323045000000000"
    (series,) = told["series"]
    assert (series["name"], series["labels"], series["by"]) == ("seen_total", {"source": "nginx", "method": "GET"}, 1)


def test_people_are_told_the_same(explain):
    said = explain("line", "--source", "nginx", REQUEST)
    assert "nginx_combined, after json (format)" in said
    assert 'url.path = "/orders/7"' in said
    assert "2026-01-02T03:04:05Z" in said and "error" in said and "backend" in said
    assert 'seen_total{source="nginx",method="GET"} +1 to 1' in said


def test_what_drops_a_line_is_named(explain):
    told = explain("line", "--source", "nginx", "--format", "json", REQUEST.replace("/orders/7?full=1", "/x"))
    assert told["texts"][0]["filtered"] == "transforms[1]: drop"
    assert told["texts"][0]["records"] == []
    assert "transforms[0]: keep" in explain("line", "--source", "nginx", "no request")


def test_several_lines_are_one_event(explain):
    told = explain("line", "--source", "app", "--format", "json", TRACEBACK)
    (text,) = told["texts"]
    assert text["text"] == TRACEBACK.strip()
    assert text["records"][0]["fields"]["exception.type"] == "KeyError"
    assert [series["name"] for series in told["series"]] == ["log_exceptions_total"]


def test_a_java_class_without_a_package_is_an_exception_where_calls_follow(explain):
    for head in ("Declined: no stock", 'Exception in thread "main" Declined: no stock'):
        told = explain("line", "--source", "jvm", "--format", "json", f"{head}\n\tat Cart.pay(Cart.java:17)")
        fields = told["texts"][0]["records"][0]["fields"]
        assert (fields["exception.type"], fields["exception.message"]) == ("Declined", "no stock")


def test_a_file_is_told_in_sum(explain, tmp_path):
    log = tmp_path / "access.log"
    log.write_text(f"{REQUEST}\n" * 5000 + 'password=hunter2x\n{"url": {"path": "/a"}}\n' + REQUEST)
    told = explain("file", "--source", "nginx", "--format", "json", log)
    assert (told["lines"], told["records"]) == (5003, 5002)
    assert told["formats"] == {"json": 1, "nginx_combined": 5001, "": 1}
    assert told["not_understood"]["format"]["count"] == 1
    assert told["filtered"]["transforms[0]: keep"]["count"] == 1
    assert "hunter2x" not in json.dumps(told)
    series = {entry["labels"].get("method"): entry["by"] for entry in told["series"] if entry["name"] == "seen_total"}
    assert series["GET"] == 5001
    said = explain("file", "--source", "nginx", "--lines", "10", log)
    assert "10  lines read" in said and "10  records, for backend" in said


def test_who_does_not_say_which_source_is_told_which_there_are(explain):
    assert "one of nginx, app, any, jvm, traced, shop" in explain("line", "x", code=1)
    assert "no entry of `collectors.logs` is called `ngins`: nginx, app, any, jvm, traced, shop" in explain(
        "line", "--source", "ngins", "x", code=1
    )
    assert "open /nowhere" in explain("file", "--source", "app", "/nowhere", code=1)


def test_what_a_metric_could_not_count_is_told(explain, tmp_path):
    line = '{"event": "paid", "amount": "much"}'
    told = explain("line", "--source", "shop", "--format", "json", line)
    assert told["uncounted"] == {"paid_total (not_a_number)": 1}
    assert "not counted by: paid_total (not_a_number) 1" in explain("line", "--source", "shop", line)
    log = tmp_path / "shop.log"
    log.write_text(f'{line}\n{{"event": "paid"}}\n{{"event": "paid"}}\n')
    told = explain("file", "--source", "shop", "--format", "json", log)
    assert told["uncounted"] == {"paid_total (missing)": 2, "paid_total (not_a_number)": 1}
    assert "not counted by: paid_total (missing) 2, " in explain("file", "--source", "shop", log)


def test_examples_are_without_what_the_source_takes_out(explain, tmp_path):
    log = tmp_path / "shop.log"
    log.write_text('{"event": "noise", "by": "joe@example.com"}\nnot JSON by joe@example.com\n')
    for form in ("text", "json"):
        done = explain("file", "--source", "shop", "--format", form, log)
        said = json.dumps(done)
        assert "by <email>" in said and "joe@example.com" not in said
    assert "dropped     by drop" in explain("line", "--source", "shop", log.read_text())


def test_the_span_of_a_line_is_told(explain):
    told = explain("line", "--source", "traced", "--format", "json", request(7, **FAILED))
    (text,) = told["texts"]
    (span,) = text["spans"]
    assert text["no_span"] is None
    assert span["exporters"] == ["backend"]
    assert span["fields"]["http.route"] == "/users/{id}"
    otlp = span["otlp"]
    assert (otlp["name"], otlp["kind"], otlp["status"]["code"]) == ("GET /users/{id}", 2, 2)
    assert (otlp["traceId"], otlp["parentSpanId"]) == (TRACE, CALLER)
    assert int(otlp["endTimeUnixNano"]) - int(otlp["startTimeUnixNano"]) == 250_000_000
    said = explain("line", "--source", "traced", request(7, **FAILED))
    assert "span        GET /users/{id}, server, error" in said
    assert f"trace       {TRACE} {otlp['spanId']}, below {CALLER}" in said
    assert "took        250ms, from 2026-02-03T04:05:06.75Z to 2026-02-03T04:05:07Z" in said
    assert 'http.route = "/users/{id}"' in said


@pytest.mark.parametrize(
    ("over", "reason", "words"),
    [
        ({"traceparent": "-"}, "no_trace", "none: it has no trace id"),
        ({"took_ms": "soon"}, "no_duration", "none: it does not say how long it took"),
        ({"http.response.status_code": None}, "no_request", "none: it tells of no request"),
    ],
)
def test_why_a_line_makes_no_span_is_told(explain, over, reason, words):
    line = request(7, **over)
    (text,) = explain("line", "--source", "traced", "--format", "json", line)["texts"]
    assert (text["spans"], text["no_span"]) == ([], reason)
    assert words in explain("line", "--source", "traced", line)
    # Where no spans are made none is missed.
    assert " span " not in explain("line", "--source", "any", line)


def test_the_spans_of_a_file_are_told_in_sum(explain, tmp_path):
    log = tmp_path / "requests.log"
    log.write_text(
        "".join(request(number, **over) + "\n" for number, over in enumerate([{}, {}, {"traceparent": "-"}]))
    )
    told = explain("file", "--source", "traced", "--format", "json", log)
    assert (told["spans"], told["span_exporters"]) == (2, ["backend"])
    assert {reason: found["count"] for reason, found in told["no_span"].items()} == {"no_trace": 1}
    said = explain("file", "--source", "traced", log)
    assert "2  spans, for backend" in said
    assert "1  no span: it has no trace id, the first: " in said and "/users/2" in said


def test_the_format_that_auto_finds_is_told(explain, tmp_path):
    (text,) = explain("line", "--source", "any", "--format", "json", REQUEST)["texts"]
    assert (text["format"], text["by_auto"]) == ("nginx_combined", True)
    assert "format      auto: nginx_combined\n" in explain("line", "--source", "any", REQUEST)
    assert "format      auto: none understands it, it is plain text\n" in explain(
        "line", "--source", "any", "some words"
    )
    log = tmp_path / "mixed.log"
    log.write_text("some words\n" + f"{REQUEST}\n" * 5 + "a=b c=d\n")
    told = explain("file", "--source", "any", "--format", "json", log)
    assert told["auto"] == {"format": "nginx_combined", "lines": 7, "understood": 5}
    assert told["formats"] == {"nginx_combined": 5, "logfmt": 1, "": 1}
    # After 20 lines the agent has made its choice: others are of no format.
    log.write_text(f"{REQUEST}\n" * 25 + "a=b c=d\n")
    told = explain("file", "--source", "any", "--format", "json", log)
    assert told["auto"] == {"format": "nginx_combined", "lines": 20, "understood": 20}
    assert told["formats"] == {"nginx_combined": 25, "": 1}
    assert "auto  nginx_combined: " in explain("file", "--source", "any", log)
