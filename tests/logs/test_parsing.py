"""What the parsers make of a line: body, attributes, severity, timestamps, trace context."""

import json

from harness.sections import tailing


def read(agent, receiver, tmp_path, text, count, **over):
    """Writes `text`, waits for `count` records and returns (agent, records)."""
    log = tmp_path / "app.log"
    log.write_bytes(text if isinstance(text, bytes) else text.encode())
    started = agent(tailing(log, receiver, **over))
    return started, receiver.wait_logs(count)


def test_without_a_parser_the_line_is_the_body(agent, http_receiver, tmp_path):
    _, records = read(agent, http_receiver, tmp_path, "one\n\n  two  \nthree é 漢\n", 3)
    assert [record.text for record in records if record.text] == ["one", "  two  ", "three é 漢"]
    assert all(record.raw.severity_number == 0 for record in records)


def test_crlf_ends_a_line(agent, http_receiver, tmp_path):
    _, records = read(agent, http_receiver, tmp_path, b"one\r\ntwo\r\n", 2)
    assert [record.text for record in records] == ["one", "two"]


def test_json_fields_become_attributes_and_the_named_ones_their_places(agent, receiver, tmp_path):
    line = {
        "time": "2026-02-03T04:05:06.789Z",
        "level": "warning",
        "message": "order paid",
        "order": 17,
        "amount": 12.5,
        "paid": True,
        "user": {"id": "u1", "roles": ["a", "b"]},
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
    }
    _, (record,) = read(
        agent,
        receiver,
        tmp_path,
        json.dumps(line) + "\n",
        1,
        parse="json",
        timestamp={"field": "time", "format": "rfc3339"},
        severity={"field": "level"},
        body="message",
        trace_id="trace_id",
        span_id="span_id",
    )
    assert record.body == "order paid"
    assert record.raw.time_unix_nano == 1770091506_789000000
    assert (record.raw.severity_number, record.raw.severity_text) == (13, "warning")
    assert record.raw.trace_id.hex() == line["trace_id"] and record.raw.span_id.hex() == line["span_id"]
    assert record.attributes["order"] == 17 and record.attributes["amount"] == 12.5
    assert record.attributes["paid"] is True


def test_a_line_that_is_no_json_is_delivered_as_it_is_and_counted(agent, http_receiver, tmp_path):
    text = '{"message":"good"}\nnot json at all\n{"cut": \n{"message":"good again"}\n'
    started, records = read(agent, http_receiver, tmp_path, text, 4, parse="json", body="message")
    assert [record.text for record in records] == ["good", "not json at all", '{"cut": ', "good again"]
    book = started.settled("app", 4)
    assert book["delivered"] == 4


def test_invalid_utf8_is_replaced_and_the_batch_arrives(agent, receiver, tmp_path):
    # A hole, which NUL bytes at the beginning of a line are taken for, is another matter.
    every_byte = b"all: " + bytes(byte for byte in range(256) if byte not in b"\r\n")
    text = b"before\n" + every_byte + b"\nafter\n"
    _, records = read(agent, receiver, tmp_path, text, 3)
    assert records[0].text == "before" and records[2].text == "after"
    assert records[1].text == every_byte.decode("utf-8", errors="replace")


def test_a_line_that_is_too_long_is_cut_marked_and_the_next_one_whole(agent, http_receiver, tmp_path):
    text = "x" * 5_000_000 + "\nnext\n"
    _, records = read(agent, http_receiver, tmp_path, text, 2, max_line="64KiB")
    assert records[1].text == "next"
    assert set(records[0].text) == {"x"} and len(records[0].text) == 65536
    assert any("truncated" in key for key in records[0].attributes), records[0].attributes


def test_access_logs_that_break_their_own_rules_are_delivered(agent, http_receiver, tmp_path):
    lines = [
        r'10.0.0.1 - - [17/May/2015:10:05:03 +0000] "\x16\x03\x01" 400 166 "-" "-"',
        '10.0.0.1 - - [17/May/2015:10:05:03 +0000] "" 400 0 "-" "-"',
        '10.0.0.1 - bob [17/May/2015:10:05:03 +0200] "GET /a\\"b HTTP/1.0" 200 - "-" "a \\"quoted\\" agent"',
        "not an access log line",
    ]
    _, records = read(agent, http_receiver, tmp_path, "\n".join(lines) + "\n", 4, parse="apache_combined")
    assert [record.text for record in records] == lines
    assert [record.attributes.get("http.response.status_code") for record in records] == [400, 400, 200, None]
    assert records[2].attributes["user.name"] == "bob"
    # 10:05:03 at two hours east is 08:05:03 UTC.
    assert records[2].raw.time_unix_nano == 1431849903_000000000
    # "-" stands for nothing.
    assert "user_agent.original" not in records[0].attributes and "user.name" not in records[0].attributes
