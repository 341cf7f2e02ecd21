"""The offsets that are saved: where a source goes on after a crash."""

import json

from .wait import until


def saved(agent, path):
    """The offset in a file that is saved, for all destinations that keep up; 0 where none is."""
    offsets = agent.state_dir / "logs/offsets"
    inode = path.stat().st_ino
    # The first line seals the others.
    entries = [json.loads(line).get("file") for line in offsets.read_text().splitlines()[1:]]
    found = [entry["offset"] for entry in entries if entry and entry["inode"] == inode and "laggard" not in entry]
    return found[0] if found else 0


def wait_saved(agent, path):
    """Waits until the end of a file is saved, which is a moment after what is in it was acknowledged."""
    until(lambda: saved(agent, path) == path.stat().st_size, f"the end of {path} is saved")
