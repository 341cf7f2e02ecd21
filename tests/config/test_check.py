"""`vigie check` and `vigie schema`: every mistake is found before the start, and said with its place."""

import itertools
import json
import re

import jsonschema
import pytest
import yaml
from harness.agent import ROOT, vigie

EXAMPLES = sorted((ROOT / "config/examples").glob("*.yaml"))
INVALID = sorted((ROOT / "config/invalid").glob("*.yaml"))


def check(path, *args, **kwargs):
    return vigie("check", "--config.file", path, *args, **kwargs)


def written(tmp_path, text, name="vigie.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_there_are_examples_of_both_kinds():
    assert EXAMPLES and INVALID


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_right_and_follow_the_schema(path):
    names = re.findall(r"\$\{(\w+)\}", path.read_text())
    done = check(path, env={name: "x" for name in names})
    assert done.returncode == 0, done.stderr
    jsonschema.validate(yaml.safe_load(path.read_text()) or {}, schema())


def head(path, key):
    """What stands after `# key:` in the comments a file of config/invalid begins with."""
    text = path.read_bytes().decode(errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
    lines = itertools.takewhile(lambda line: line.startswith("#"), text.split("\n"))
    return [line.removeprefix(f"# {key}:").strip() for line in lines if line.startswith(f"# {key}:")]


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_each_way_of_being_wrong_is_said_as_its_file_expects(path):
    done = check(path, env=dict(line.split("=", 1) for line in head(path, "set")))
    assert done.returncode == 78, done.stderr + done.stdout
    expected = [line.replace("FILE", str(path)).replace("DIR", str(path.parent)) for line in head(path, "expect")]
    said = done.stderr.splitlines()
    assert expected and len(said) == len(expected)
    # Where the expectation ends in an ellipsis, a list of known names follows, which grows.
    for line, wanted in zip(said, expected, strict=True):
        assert line.startswith(wanted[:-1]) if wanted.endswith("…") else line == wanted


def schema():
    return json.loads(vigie("schema").stdout)


def test_the_schema_is_one_and_sees_a_misspelt_key():
    jsonschema.Draft202012Validator.check_schema(schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"server": {"lisen": "127.0.0.1:0"}}, schema())
    jsonschema.validate({"server": {"listen": "127.0.0.1:0"}}, schema())


@pytest.mark.parametrize(
    "text, place, said",
    [
        ("server:\n  lisen: 127.0.0.1:0\n", "2:3: server.lisen", "did you mean"),
        ("colectors: {}\n", "1:1: colectors", "collectors"),
        ("agent:\n  memory_limit: 64XB\n", "2:17: agent.memory_limit", "`XB`"),
        ("agent:\n  shutdown_grace: soon\n", "2:19: agent.shutdown_grace", "soon"),
        ("server:\n  listen: nowhere\n", "2:11: server.listen", "nowhere"),
        ("collectors:\n  logs:\n    - name: a\n", "3:7: collectors.logs[0]", "include"),
        ("collectors:\n  logs:\n    - { name: a, include: ['[z-a]'] }\n", "3:", "collectors.logs[0].include[0]"),
        ("collectors:\n  processes:\n    groups:\n      - { name: a, match: { cmdline: ['('] } }\n", "4:", "cmdline[0]"),
        ("collectors:\n  probes:\n    - { name: a, http: { url: 'ftp://shop' } }\n", "3:", "url"),
        ("exporters:\n  otlp:\n    - { endpoint: 'http://h', protocol: carrier-pigeon }\n", "3:", "protocol"),
        ("exporters:\n  otlp:\n    - { endpoint: 'https://h', tls: { ca_file: /no/such/file } }\n", "3:", "/no/such/file"),
        ("agent: [\n", "2:1", ""),
        ("agent:\n  service: ${NOT_SET}\n", "2:12: agent.service", "NOT_SET"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_with_line_column_and_key_path(tmp_path, text, place, said):
    done = check(written(tmp_path, text))
    assert done.returncode == 78
    assert f"vigie.yaml:{place}" in done.stderr and said in done.stderr, done.stderr


def test_machines_get_json(tmp_path):
    done = check(written(tmp_path, "server:\n  lisen: 127.0.0.1:0\n"), "--format", "json")
    assert done.returncode == 78
    found = json.loads(done.stdout)
    assert found["valid"] is False
    (mistake,) = found["mistakes"]
    assert (mistake["line"], mistake["column"], mistake["path"]) == (2, 3, "server.lisen")
    assert mistake["file"].endswith("vigie.yaml")


def test_two_sources_of_one_name_are_a_mistake(tmp_path):
    source = "{ name: a, include: [/tmp/a] }"
    done = check(written(tmp_path, f"collectors:\n  logs:\n    - {source}\n    - {source}\n"))
    assert done.returncode == 78 and ":4:" in done.stderr, done.stderr


def test_a_directory_is_read_in_order_and_a_mistake_names_its_file(tmp_path):
    written(tmp_path, "agent: { service: one }\n", "10-first.yaml")
    written(tmp_path, "agent: { sevice: two }\n", "20-second.yaml")
    done = check(tmp_path)
    assert done.returncode == 78 and "20-second.yaml:1:10: agent.sevice" in done.stderr, done.stderr


def test_a_value_from_outside_is_a_value_and_no_yaml(tmp_path):
    path = written(tmp_path, 'agent:\n  service: "${NAME}"\n')
    assert check(path, env={"NAME": "x\nserver: {listen: '0.0.0.0:1'}"}).returncode == 0
    path = written(tmp_path, 'agent:\n  service: "${NAME:-fallback}"\n')
    assert check(path).returncode == 0


def test_a_secret_file_that_is_not_there_is_a_mistake(tmp_path):
    header = "{ authorization: 'Bearer ${file:/no/such/secret}' }"
    path = written(tmp_path, f"exporters:\n  otlp:\n    - {{ endpoint: 'http://h:1', headers: {header} }}\n")
    done = check(path)
    assert done.returncode == 78 and "/no/such/secret" in done.stderr


def test_a_file_that_is_not_there_is_a_mistake(tmp_path):
    done = check(tmp_path / "absent.yaml")
    assert done.returncode == 78 and "absent.yaml" in done.stderr


def test_no_file_at_all_is_right():
    assert vigie("check").returncode == 0


def test_version_and_completions():
    assert re.match(r"vigie \d+\.\d+\.\d+", vigie("version").stdout)
    assert vigie("--version").stdout.startswith("vigie ")
    for shell in ("bash", "zsh", "fish"):
        done = vigie("completions", shell)
        assert done.returncode == 0 and "vigie" in done.stdout
        assert "no-collector.arp" in done.stdout and "collector.netdev.device-include" in done.stdout


def test_help_names_every_command():
    text = vigie("--help").stdout
    for command in ("run", "check", "schema", "buffer", "version", "completions"):
        assert command in text


def test_only_the_help_of_the_agent_itself_tells_the_groups_and_every_command_takes_their_flags():
    for command in ([], ["run"]):
        lines = vigie(*command, "--help").stdout.splitlines()
        assert len([line for line in lines if line.startswith("  --collector.")]) > 100
        assert not [line for line in lines if line.startswith("  --no-collector.")]
        assert len(lines) < 350
    for command in (["-h"], ["check", "--help"], ["buffer", "--help"], ["buffer", "dump", "--help"]):
        done = vigie(*command)
        assert done.returncode == 0 and "--collector." not in done.stdout
    assert vigie("--collector.qdisc", "check", "--no-collector.arp").returncode == 0
    assert vigie("check", "--collector.qdics").returncode == 2
