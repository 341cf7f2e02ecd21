"""Requests as a server logs them in JSON, with the trace that they belong to and how long they took."""

import json

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

SECTION = {"parse": "json", "timestamp": {"field": "time"}, "spans": {"enabled": True, "duration": "took_ms"}}
"""Of a source that makes spans of them."""


def request(number, **over):
    """One that ended at `number` seconds and took a quarter of one; a line without its end."""
    line = {
        "time": f"2026-02-03T04:05:{number:02}Z",
        "http.request.method": "GET",
        "url.path": f"/users/{number}",
        "http.response.status_code": 200,
        "client.address": "203.0.113.9",
        "took_ms": 250,
        "traceparent": f"00-{TRACE}-{CALLER}-01",
    }
    return json.dumps(line | over)
