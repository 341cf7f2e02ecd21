"""Numbered records, and the judge of what became of them.

A count alone lets duplicates hide losses, so every record carries its number, the stream it belongs to if there are
several, and a checksum; the judge keeps a map of the numbers seen of each stream: missing, duplicate, corrupt and
reordered are told apart.
"""

import re
import threading
import zlib
from dataclasses import dataclass, field

RECORD = re.compile(r"(?:s=(\S+) )?n=(?P<number>\d+) pad=(\S*) crc=([0-9a-f]{8})")


def record(number, size=80, stream=""):
    """The text of record `number`, without newline; at least `size` long, and telling if it was damaged."""
    body = f"s={stream} n={number} pad=" if stream else f"n={number} pad="
    body += "x" * max(0, size - len(body) - 13)
    return f"{body} crc={zlib.crc32(body.encode()):08x}"


@dataclass
class Verdict:
    """What became of the records 0..expected; of several streams, `expected` is their sum."""

    expected: int
    missing: list = field(default_factory=list)
    duplicates: int = 0
    corrupt: list = field(default_factory=list)
    reordered: int = 0
    unknown: list = field(default_factory=list)

    def exactly_once(self):
        """None missing, none twice, none damaged. Order is counted apart: several requests are in flight at once."""
        return self.none_lost(duplicates=0)

    def none_lost(self, duplicates=0):
        """None missing or damaged; at most so many twice."""
        return not self.missing and not self.corrupt and not self.unknown and self.duplicates <= duplicates

    def __str__(self):
        return (
            f"{len(self.missing)} missing {self.missing[:5]}, {self.duplicates} duplicates, "
            f"{len(self.corrupt)} corrupt {self.corrupt[:3]}, {self.reordered} reordered, "
            f"{len(self.unknown)} unknown {self.unknown[:3]} of {self.expected}"
        )


class Oracle:
    """Sees lines as they come, and can be asked at any time. Safe to share between threads."""

    def __init__(self):
        self._seen = {}  # stream to a byte for each number, 1 where it has come
        self._highest = {}
        self._lock = threading.Lock()
        self.duplicates = 0
        self.reordered = 0
        self.corrupt = []

    def take(self, lines):
        with self._lock:
            for line in lines:
                self._take(line)
        return self

    def _take(self, line):
        found = RECORD.fullmatch(line)
        if not found or f"{zlib.crc32(line[: found.start(4) - 5].encode()):08x}" != found.group(4):
            self.corrupt.append(line[:120])
            return
        stream, number = found.group(1) or "", int(found.group(2))
        seen = self._seen.setdefault(stream, bytearray())
        if number >= len(seen):
            seen.extend(bytes(number + 1 - len(seen)))
        if seen[number]:
            self.duplicates += 1
            return
        seen[number] = 1
        highest = self._highest.get(stream, -1)
        if number < highest:
            self.reordered += 1
        self._highest[stream] = max(highest, number)

    def has_all(self, stream, count):
        """Whether the first `count` records of a stream have come."""
        with self._lock:
            return self._seen.get(stream, b"").count(1, 0, count) == count

    def verdict(self, expected):
        """Against the numbers 0..expected, or 0..expected[stream] of each stream."""
        by_stream = {"": expected} if isinstance(expected, int) else expected
        name = (lambda _, number: number) if isinstance(expected, int) else lambda stream, number: f"{stream}/{number}"
        with self._lock:
            verdict = Verdict(sum(by_stream.values()), [], self.duplicates, list(self.corrupt), self.reordered)
            for stream in by_stream.keys() | self._seen.keys():
                seen, count = self._seen.get(stream, b""), by_stream.get(stream, 0)
                missing = (number for number in range(count) if number >= len(seen) or not seen[number])
                verdict.missing += [name(stream, number) for number in missing]
                verdict.unknown += [name(stream, number) for number in range(count, len(seen)) if seen[number]]
        return verdict


def judge(lines, expected):
    """Reads delivered lines against the numbers 0..expected, or 0..expected[stream] of each stream."""
    return Oracle().take(lines).verdict(expected)


class Writer:
    """Appends numbered records to a file, and goes on with the next number after a rotation."""

    def __init__(self, path, size=80, stream=""):
        self.path = path
        self.size = size
        self.stream = stream
        self.next = 0

    def write(self, count):
        """Appends `count` records in one write, by a descriptor opened anew."""
        text = "".join(record(number, self.size, self.stream) + "\n" for number in range(self.next, self.next + count))
        with open(self.path, "a") as file:
            file.write(text)
        self.next += count
        return self.next
