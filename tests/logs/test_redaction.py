"""What is secret or personal leaves no trace: not in what is sent, nor in metrics, the agent's own log, or its spool."""

import base64
import json
import random
import string
from urllib.parse import quote

import pytest
from harness.agent import merged
from harness.sections import otlp, tail, tailing
from harness.spool import dumped, spooled
from harness.wait import until

LETTERS = string.ascii_letters + string.digits


def luhn(digits):
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(digits))]
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)


class Maker:
    """Makes secrets, each of which is found nowhere by chance: (the rule, the text around it, the secret itself)."""

    def __init__(self, seed):
        self.chance = random.Random(seed)

    def word(self, length, letters=LETTERS):
        # A digit among them, as every random key has.
        word = "".join(self.chance.choices(letters, k=length - 1))
        return word[: length // 2] + self.chance.choice("23456789") + word[length // 2 :]

    def email(self):
        return "email", "{}", f"u{self.word(12).lower()}@{self.word(8).lower()}.example.org"

    def ip(self):
        return "ip", "{}", ".".join(str(self.chance.randint(100, 255)) for _ in range(4))

    def ip6(self):
        return "ip", "[{}]:443", "2001:db8:" + ":".join(f"{self.chance.randint(4096, 65535):x}" for _ in range(6))

    def credit_card(self):
        digits = "4" + "".join(self.chance.choices(string.digits, k=14))
        digits += luhn(digits)
        blank = self.chance.choice(["", " ", "-"])
        return "credit_card", "card {}", blank.join(digits[at : at + 4] for at in range(0, 16, 4))

    def iban(self):
        account = "".join(self.chance.choices(string.digits, k=18))
        check = 98 - int(account + "131400") % 97
        return "iban", "to {}", f"DE{check:02}{account}"

    def bearer(self):
        return "bearer", "Bearer {}", self.word(40)

    def basic(self):
        return "bearer", "Authorization: Basic {}", base64.b64encode(f"bob:{self.word(17)}".encode()).decode()

    def jwt(self):
        return "jwt", "{}", f"eyJ{self.word(20)}.eyJ{self.word(40)}.{self.word(43)}"

    def api_key(self):
        prefix, length = self.chance.choice([("ghp_", 36), ("sk_live_", 24), ("npm_", 36), ("glpat-", 20)])
        return "api_key", "{}", prefix + self.word(length)

    def aws(self):
        return "api_key", "aws_secret_access_key={}", self.word(40, LETTERS + "+/")

    def password(self):
        return "password", "password={}", self.word(16)

    def in_url(self):
        return "password", "redis://bob:{}@cache:6379/0", self.word(16)

    def own(self):
        return "order", "{}", "ORD-" + "".join(self.chance.choices(string.digits, k=12))

    KINDS = (email, ip, ip6, credit_card, iban, bearer, basic, jwt, api_key, aws, password, in_url, own)

    def secrets(self, each):
        return [kind(self) for kind in self.KINDS for _ in range(each)]


REDACT = ["all", {"pattern": r"ORD-\d{12}", "name": "order"}]


def escaped(text):
    """As JSON may spell it: every character by its number."""
    return "".join(f"\\u{ord(character):04x}" for character in text)


def access(request, referer="-", agent="curl/8.5.0"):
    return f'10.9.8.7 - - [02/Jan/2026:03:04:05 +0000] "{request}" 200 17 "{referer}" "{agent}"'


# For each source: how its lines are parsed, and how they come about a text.
SHAPES = {
    "plain": [{}, lambda text: text, lambda text: f"at once {text} and no more"],
    "json": [
        {"parse": "json"},
        lambda text: json.dumps({"level": "info", "message": f"said {text} twice"}),
        lambda text: '{"level":"info","message":"' + escaped(text) + '"}',
        lambda text: json.dumps({"a": {"b": [text, 1]}, "c": 2}),
        lambda text: json.dumps({"request": json.dumps({"inner": text, "n": 1})}),
        lambda text: json.dumps({text: 1}),
    ],
    "message": [
        {"parse": "json", "body": "message", "severity": {"field": "level"}},
        lambda text: json.dumps({"level": "warn", "message": text, "copy": text}),
        lambda text: json.dumps({"level": text, "message": "m"}),
    ],
    "logfmt": [{"parse": "logfmt"}, lambda text: f"level=info msg={json.dumps(text)} n=1"],
    "nginx": [
        {"parse": "nginx_combined", "metrics": [{"http": {}}]},
        lambda text: access(f"GET /a?q={quote(text, safe='')}&n=1 HTTP/1.1"),
        lambda text: access("GET / HTTP/1.1", agent=text.replace('"', "")),
    ],
    "regex": [{"parse": {"regex": "^took (?P<what>.*) in"}}, lambda text: f"took {text} in 3 ms"],
    "python": [
        {"multiline": {"preset": "python"}},
        lambda text: (
            f'Traceback (most recent call last):\n  File "/srv/a.py", line 3, in pay\n    f()\nValueError: {text}'
        ),
    ],
}


def spellings(secret):
    """How a secret might still be there."""
    spelt = {secret, quote(secret, safe=""), escaped(secret), json.dumps(secret)[1:-1], secret.replace("/", "\\/")}
    return spelt | {quote(secret), secret.replace("@", "\\u0040"), secret.replace("@", "%40")}


def corpus(tmp_path):
    """Every secret, the sources with their files written, and how many records each of them makes."""
    secrets, sources, counts = [], [], {}
    for number, (name, (config, *shapes)) in enumerate(SHAPES.items()):
        lines = []
        for turn, shape in enumerate(shapes):
            made = Maker(100 * number + turn).secrets(each=3)
            secrets += made
            lines += [shape(around.format(secret)) for _, around, secret in made]
        path = tmp_path / f"{name}.log"
        path.write_text("\n".join(lines) + "\n")
        counts[name] = len(lines)
        sources.append(tail(path, name=name, redact=REDACT, **config))
    return secrets, sources, counts


def left_in(data, secrets):
    """Of the secrets those that are in the data, with their rules."""
    if isinstance(data, str):
        data = data.encode()
    return [(rule, s) for rule, _, s in secrets if any(spelt.encode() in data for spelt in spellings(s))]


def test_no_secret_leaves_the_agent_in_any_shape(agent, receiver, tmp_path):
    secrets, sources, counts = corpus(tmp_path)
    assert len(secrets) > 500
    written = b"".join((tmp_path / f"{name}.log").read_bytes() for name in SHAPES)
    assert len(left_in(written, secrets)) == len(secrets), "each is in what is read"
    config = {"collectors": {"logs": sources}, "exporters": {"otlp": [otlp(receiver)]}}
    started = agent(config, args=["--log.level", "trace"])
    for source, count in counts.items():
        started.settled(source, count)
    logs = receiver.logs
    sent = b"\n".join(item.raw.SerializeToString() for item in logs)
    assert not left_in(sent, secrets)
    for path in ("/metrics", "/"):
        assert not left_in(started.get(path).text, secrets)
    assert not left_in(started.log, secrets)
    # The rest is as it was.
    assert sum("at once " in item.text and " and no more" in item.text for item in logs) == len(Maker.KINDS) * 3
    # What is in the state directory: groups of exceptions with their samples, offsets.
    until(lambda: any(path.is_file() for path in started.state_dir.rglob("*")), "its state is written")
    started.terminate()
    for path in started.state_dir.rglob("*"):
        assert not path.is_file() or not left_in(path.read_bytes(), secrets), path


def test_no_secret_is_in_a_spool_that_outlives_a_kill(agent, receiver, tmp_path):
    secrets, sources, counts = corpus(tmp_path)
    receiver.down()
    config = spooled(tmp_path / "none.log", receiver)
    config["collectors"]["logs"] = sources
    started = agent(config, args=["--log.level", "debug"])
    until(
        lambda: started.value("vigie_spool_waiting_events", exporter="to0", signal="logs") >= sum(counts.values()),
        "all wait",
    )
    started.kill9()
    files = [path for path in started.state_dir.rglob("*") if path.is_file()]
    assert any("spool" in path.parts for path in files)
    for path in files:
        assert not left_in(path.read_bytes(), secrets), path
    # Files may be compressed: what is in them, too.
    records = dumped(started)
    assert len(records) >= sum(counts.values())
    assert not left_in(b"\n".join(item.raw.SerializeToString() for item in records), secrets)
    assert not left_in(started.log, secrets)


def test_what_is_redacted_is_counted_by_rule(agent, http_receiver, tmp_path):
    made = Maker(7).secrets(each=4)
    log = tmp_path / "app.log"
    log.write_text("".join(f"{around.format(secret)}\n" for _, around, secret in made))
    started = agent(tailing(log, http_receiver, redact=REDACT))
    http_receiver.wait_logs(len(made))
    expected = {}
    for rule, _, _ in made:
        expected[rule] = expected.get(rule, 0) + 1

    def counted():
        page = started.scrape()
        return {rule: page.value("vigie_log_redactions_total", source="app", rule=rule) for rule in expected}

    until(lambda: counted() == expected, f"{expected} is counted")


def test_equal_values_have_equal_hashes_and_fields_can_be_dropped(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    rows = [
        {"user": "bob@example.org", "password": "one-1", "n": 1},
        {"user": "bob@example.org", "password": "two-2", "n": 2},
        {"user": "ann@example.org", "n": 3},
    ]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    rules = [{"rule": "email", "with": "hash"}, {"rule": "password", "with": "drop"}]
    agent(tailing(log, http_receiver, parse="json", redact=rules, redact_key="a key"))
    bob, again, ann = http_receiver.wait_logs(3)
    assert bob.attributes["user"] == again.attributes["user"] != ann.attributes["user"]
    assert bob.attributes["user"].startswith("<email:")
    assert "password" not in bob.attributes
    assert json.loads(bob.text)["password"] == "<password>"
    assert json.loads(bob.text)["user"] == bob.attributes["user"]


@pytest.mark.parametrize("rules", [[], REDACT])
def test_lines_without_secrets_are_sent_as_they_are(agent, http_receiver, tmp_path, rules):
    lines = [
        "Chrome/120.0.0.0 and 1.2.3.4.5 at 10:05:03",
        "order 4111111111111112 of user 17, build 2026.01.02",
        "Unexpected token '<' in JSON at position 0",
        "std::vec::Vec of logo@2x.png, user@1000.service",
    ]
    log = tmp_path / "app.log"
    log.write_text("".join(line + "\n" for line in lines))
    agent(tailing(log, http_receiver, redact=rules))
    assert [item.text for item in http_receiver.wait_logs(len(lines))] == lines


def test_a_metric_never_has_a_secret_for_a_label(agent, http_receiver, tmp_path):
    log = tmp_path / "app.log"
    log.write_text('{"user":"bob@example.org","shop":"paris"}\n' * 3)
    counter = {"name": "seen_total", "labels": {"who": "user", "shop": "shop"}}
    section = tailing(log, http_receiver, parse="json", redact=["email"], metrics=[{"counter": counter}])
    started = agent(merged(section, {}))
    labels = {"who": "<email>", "shop": "paris", "source": "app"}
    until(lambda: started.value("seen_total", **labels) == 3, "the hidden value is counted")
    assert "bob@" not in started.get("/metrics").text
