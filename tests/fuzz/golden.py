"""Seeds for the fuzzer `host` from a made-up host: `golden.py ARCHIVE DIRECTORY` unpacks the one and writes into the other.

Each file of procfs is an input, and each device of sysfs with its files; see targets/host.rs for what an input is.
"""

import sys
import tarfile
import tempfile
from pathlib import Path

LONGEST = 4096
LINKS_THAT_LEAD_ELSEWHERE = {"subsystem", "driver", "power", "firmware_node", "device"}
DEVICES = ["sys/class/*", "sys/fs/*", "sys/block", "sys/bus/pci/devices", "sys/devices/system", "sys/kernel/mm"]


def files_in(directory, depth=3):
    """The files of a device, those of its parts among them."""
    for entry in sorted(directory.iterdir()):
        if entry.is_file() and entry.stat().st_size < LONGEST:
            yield entry
        elif entry.is_dir() and depth > 0 and entry.name not in LINKS_THAT_LEAD_ELSEWHERE:
            yield from files_in(entry, depth - 1)


def inputs(root):
    """Files joined to inputs that are not too long."""
    devices = [device for pattern in DEVICES for parent in sorted(root.glob(pattern)) for device in parent.iterdir()]
    groups = [[file] for file in sorted((root / "proc").rglob("*")) if file.is_file()]
    groups += [list(files_in(device)) for device in sorted(devices) if device.is_dir()]
    for group in groups:
        joined = b""
        for file in group:
            text = bytes(file.relative_to(root)) + b"\n" + file.read_bytes()
            if joined and len(joined) + len(text) >= LONGEST:
                yield joined
                joined = b""
            joined = (joined + b"\0" + text if joined else text)[:LONGEST]
        if joined:
            yield joined


def main(archive, directory):
    with tempfile.TemporaryDirectory() as root, tarfile.open(archive) as tar:
        tar.extractall(root, filter="data")
        for number, content in enumerate(inputs(Path(root))):
            (Path(directory) / f"golden{number}").write_bytes(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
