"""Numbered records, and the judge of what became of them.

A count alone lets duplicates hide losses, so every record carries its number and a checksum, and the judge keeps a
tally for each number: missing, duplicate, corrupt and reordered are told apart.
"""

import re
import zlib
from dataclasses import dataclass, field

RECORD = re.compile(r"n=(\d+) pad=(\S*) crc=([0-9a-f]{8})")


def record(number, size=80):
    """The text of record `number`, without newline; at least `size` long, and telling if it was damaged."""
    body = f"n={number} pad="
    body += "x" * max(0, size - len(body) - 13)
    return f"{body} crc={zlib.crc32(body.encode()):08x}"


@dataclass
class Verdict:
    """What became of the records 0..expected."""

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


def judge(lines, expected):
    """Reads delivered lines against the numbers 0..expected."""
    verdict = Verdict(expected)
    seen = bytearray(expected)
    highest = -1
    for line in lines:
        found = RECORD.fullmatch(line)
        if not found or f"{zlib.crc32(line[: found.start(3) - 5].encode()):08x}" != found.group(3):
            verdict.corrupt.append(line[:120])
            continue
        number = int(found.group(1))
        if number >= expected:
            verdict.unknown.append(number)
            continue
        if seen[number]:
            verdict.duplicates += 1
            continue
        seen[number] = 1
        if number < highest:
            verdict.reordered += 1
        highest = max(highest, number)
    verdict.missing = [number for number in range(expected) if not seen[number]]
    return verdict


class Writer:
    """Appends numbered records to a file, and goes on with the next number after a rotation."""

    def __init__(self, path, size=80):
        self.path = path
        self.size = size
        self.next = 0

    def write(self, count):
        """Appends `count` records in one write, by a descriptor opened anew."""
        text = "".join(record(number, self.size) + "\n" for number in range(self.next, self.next + count))
        with open(self.path, "a") as file:
            file.write(text)
        self.next += count
        return self.next
