"""`vigie test`: tests of a configuration, and what is said when it does otherwise."""

import json

import pytest
import yaml
from harness.agent import ROOT, vigie
from harness.traced import CALLER, SECTION, TRACE, request

EXAMPLE = ROOT / "config/examples/tests/logs.yaml"
LINE = '{"level": "warn", "msg": "low", "stock": {"apples": 3}, "trace_id": "' + TRACE + '"}'
SOURCE = {
    "name": "app",
    "include": ["/nowhere/*.log"],
    "parse": "json",
    "severity": {"field": "level"},
    "body": "msg",
    "trace_id": "trace_id",
    "drop": [{"field": "msg", "equals": "noise"}],
    "metrics": [{"counter": {"name": "low_total", "help": "Low.", "when": {"field": "stock.apples", "below": 5}}}],
}
TRACED = {"name": "traced", "include": ["/nowhere/*.log"]} | SECTION


@pytest.fixture
def run(tmp_path):
    """Writes a file with one test and runs it."""
    config = {"agent": {"state_dir": str(tmp_path / "state")}, "collectors": {"logs": [SOURCE, TRACED]}}
    (tmp_path / "vigie.yaml").write_text(yaml.safe_dump(config))

    def start(expect, *args, text=LINE, **more):
        case = {"name": "it", "source": "app", "input": text, "time": "2026-01-02T03:04:05Z", "expect": expect} | more
        (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"config": "vigie.yaml", "tests": [case]}))
        done = vigie("test", tmp_path / "tests.yaml", *args)
        assert not (tmp_path / "state").exists()
        return done

    return start


def test_the_examples_tests_pass():
    done = vigie("test", EXAMPLE)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith(" passed, 0 failed\n")


def test_what_is_as_expected_passes(run):
    record = {
        "body": "low",
        "severity": "warn",
        "trace_id": TRACE,
        "attributes": {"stock": {"apples": 3}, "level": None},
    }
    expect = {"records": [record], "dropped": {"drop": 0}, "metrics": {"low_total": 1, "other_total": 0}}
    done = run(expect)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.endswith("tests.yaml:3: it: ok\n1 passed, 0 failed\n")


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        ({"records": []}, "records: expected 0, was 1"),
        ({"records": [{"body": "high"}]}, 'records[0].body: expected "high", was "low"'),
        ({"records": [{"severity": "error"}]}, 'records[0].severity: expected "error", was warn (13)'),
        (
            {"records": [{"time": "2026-01-02T03:04:05Z"}]},
            "records[0].time: expected 2026-01-02T03:04:05Z, was not known",
        ),
        ({"records": [{"trace_id": "00"}]}, "records[0].trace_id: expected 00, was 4bf92f"),
        ({"records": [{"attributes": {"a": 1}}]}, "records[0].attributes.a: expected 1, was nothing"),
        ({"records": [{"exact": True}]}, 'records[0].attributes.stock: not expected, was {"apples":3}'),
        ({"records": [{}, {"body": "more"}]}, "records[1]: missing: more"),
        ({"dropped": {"drop": 1}}, "dropped.drop: expected 1, was 0"),
        ({"metrics": {'low_total{source="app"}': 2}}, 'metrics.low_total{source="app"}: expected 2, was 1'),
        ({"exceptions": [{"type": "KeyError"}]}, "exceptions: expected 1, was 0"),
    ],
)
def test_what_is_otherwise_is_told(run, expect, difference):
    done = run(expect)
    assert done.returncode == 1, done.stdout
    assert difference in done.stdout
    assert done.stdout.endswith("0 passed, 1 failed\n")
    machine = run(expect, "--format", "json")
    (told,) = json.loads(machine.stdout)["tests"]
    assert machine.returncode == 1 and not told["passed"]
    assert any(difference in one for one in told["differences"])


def test_spans_are_compared(run):
    span = {
        "name": "GET /users/{id}",
        "trace_id": TRACE,
        "parent_span_id": CALLER,
        "start": "2026-02-03T04:05:04.75Z",
        "end": "2026-02-03T04:05:05Z",
        "error": True,
        "attributes": {"http.route": "/users/{id}", "server.address": None},
    }
    line = request(5, **{"http.response.status_code": 503})
    traced = {"source": "traced", "text": line, "time": "2026-02-03T04:05:06Z"}
    assert run({"spans": [span]}, **traced).returncode == 0
    for other, difference in [
        ({"name": "GET"}, 'spans[0].name: expected "GET", was "GET /users/{id}"'),
        ({"parent_span_id": "00"}, "spans[0].parent_span_id: expected 00, was " + CALLER),
        (
            {"start": "2026-02-03T04:05:05Z"},
            "spans[0].start: expected 2026-02-03T04:05:05Z, was 2026-02-03T04:05:04.75Z",
        ),
        ({"error": False}, "spans[0].error: expected false, was true"),
        ({"attributes": {"http.route": None}}, 'spans[0].attributes.http.route: expected nothing, was "/users/{id}"'),
    ]:
        done = run({"spans": [span | other]}, **traced)
        assert done.returncode == 1 and difference in done.stdout, done.stdout
    assert "spans: expected 0, was 1" in run({"spans": []}, **traced).stdout


def test_dropped_lines_are_shown(run):
    done = run({"dropped": {"drop": 2}}, text='{"msg": "noise"}')
    assert "dropped.drop: expected 2, was 1" in done.stdout and "noise" in done.stdout


@pytest.mark.parametrize(
    ("case", "mistake"),
    [
        ({"source": "nginx"}, "tests[0].source: no entry of `collectors.logs` is called `nginx`: app, traced"),
        ({"time": "soon"}, "tests[0].time: not a time such as 2026-01-02T03:04:05.678Z"),
        ({"inputs": "x"}, "tests[0].inputs: unknown key (did you mean `input`?)"),
        ({"expect": {}}, "tests[0].expect: nothing is expected"),
        ({"expect": {"spans": [{"start": "soon"}]}}, "tests[0].expect.spans[0].start: not a time such as"),
    ],
)
def test_a_bad_file_is_told_with_its_place(run, case, mistake):
    expect = case.pop("expect", {"records": []})
    done = run(expect, **case)
    assert done.returncode == 78
    assert mistake in done.stderr and "tests.yaml:" in done.stderr


def test_what_is_no_test_is_a_mistake(tmp_path):
    assert vigie("test", tmp_path / "nowhere.yaml").returncode == 78
    assert vigie("test").returncode == 2
