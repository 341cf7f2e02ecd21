"""Files of log lines, and runs that take them to a sink: by the agent, and by a floor that only reads and posts."""

import json
import os
import random
import shutil
import sys
import time

from measure import RELEASE, ROOT, VIGIE, Child, get, listening, total, wait_for

# How each kind of line is understood.
SOURCES = {
    "plain": {"parse": "none"},
    "json": {
        "parse": "json",
        "timestamp": {"field": "time"},
        "severity": {"field": "level"},
        "body": "message",
        "trace_id": "trace_id",
    },
    "nginx": {"parse": "nginx_combined"},
}
WORDS = "accepted batch cache client connection disk entry flush handler index job key lock message node order".split()


def plain(rng, number):
    words = " ".join(rng.choices(WORDS, k=20))
    return f"2026-01-02T03:04:05.{number % 1000:03d}Z INFO worker-{number % 16} request {number:010d} {words}"


def as_json(rng, number):
    return json.dumps(
        {
            "time": f"2026-01-02T03:04:05.{number % 1000:03d}Z",
            "level": "info",
            "message": "request served " + " ".join(rng.choices(WORDS, k=5)),
            "number": number,
            "method": "GET",
            "path": f"/items/{rng.randrange(10**6)}",
            "status": rng.choice([200, 200, 200, 304, 404, 500]),
            "duration_ms": round(rng.random() * 300, 3),
            "user": {"id": f"u{rng.randrange(10**5)}", "admin": False},
            "trace_id": f"{rng.getrandbits(128) | 1:032x}",
            "tags": ["web", "eu"],
        },
        separators=(",", ":"),
    )


def nginx(rng, number):
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    return (
        f"203.0.113.{number % 250} - - [02/Jan/2026:03:04:{number % 60:02d} +0000] "
        f'"GET /items/{rng.randrange(10**6)}?page={number % 9} HTTP/1.1" {rng.choice([200, 200, 304, 404])} '
        f'{rng.randrange(10**5)} "https://shop.example/start" "{agent}"'
    )


def generated(kind, megabytes):
    """The file, the same bytes each time; kept under target/. Returns it with its number of lines."""
    make = {"plain": plain, "json": as_json, "nginx": nginx}[kind]
    directory = ROOT / "target/bench"
    directory.mkdir(parents=True, exist_ok=True)
    path, count = directory / f"{kind}-{megabytes}.log", directory / f"{kind}-{megabytes}.lines"
    if not count.exists():
        rng, number, written = random.Random(7), 0, 0
        # Sixteen megabytes of lines, again and again: what is measured does not look at more than a line.
        block = []
        while written < min(megabytes, 16) * 1_000_000:
            block.append(make(rng, number) + "\n")
            written += len(block[-1])
            number += 1
        text = "".join(block).encode()
        lines, size = 0, 0
        with open(path, "wb") as out:
            while size < megabytes * 1_000_000:
                out.write(text)
                size, lines = size + len(text), lines + len(block)
        count.write_text(str(lines))
    # Into the page cache.
    with open(path, "rb") as file:
        while file.read(1 << 20):
            pass
    return path, int(count.read_text())


def posted(sink):
    return tuple(map(int, get(f"http://{sink}/").split()))


def run_floor(path, lines, sink, work, compression):
    with Child([RELEASE / "floor", path, sink, compression], work / "floor.log") as child:
        _, status, usage = os.wait4(child.process.pid, 0)
        child.process.returncode = status
    if status != 0 or int((work / "floor.log").read_text()) != lines:
        sys.exit(f"floor: {(work / 'floor.log').read_text()}")
    return usage.ru_utime + usage.ru_stime, None


def run_agent(path, lines, sink, work, understood, compression="none", spool="memory"):
    """CPU seconds and peak memory of the agent with lines that are `understood` so, until all are delivered."""
    shutil.rmtree(work / "state", ignore_errors=True)
    source = {"name": "bench", "include": [str(path)], "start_at": "beginning"} | understood
    exporter = {"name": "sink", "endpoint": f"http://{sink}", "compression": compression}
    if spool == "disk":
        exporter["spool"] = {"mode": "disk"}
    config = {
        "agent": {"state_dir": str(work / "state")},
        "server": {"listen": "127.0.0.1:0"},
        "collectors": {"logs": [source]},
        "exporters": {"otlp": [exporter]},
    }
    (work / "vigie.yaml").write_text(json.dumps(config))
    before = posted(sink)[1]
    with Child([VIGIE, "run", "-c", work / "vigie.yaml"], work / "vigie.log") as child:
        url = listening(child)
        last, still = before, time.monotonic()
        while True:
            child.check()
            now = posted(sink)[1]
            if now != last:
                last, still = now, time.monotonic()
            elif now > before and time.monotonic() - still > 0.5:
                break
            elif time.monotonic() - still > 30:
                sys.exit(f"nothing arrives:\n{child.log.read_text()}")
            time.sleep(0.05)
        cpu, peak = child.cpu(), child.memory("VmHWM")

        def settled():
            page = get(url + "/metrics")
            return sum(
                total(page, "vigie_events_total", source="bench", outcome=end) for end in ("delivered", "filtered")
            )

        wait_for(lambda: settled() == lines, f"{lines} lines are delivered or filtered")
    return cpu, peak
