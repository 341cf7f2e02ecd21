"""The file of offsets after a power cut: torn, empty, zeroed. The generation before takes its place."""

import shutil

import pytest
from harness.agent import Agent
from harness.offsets import wait_saved
from harness.oracle import Writer, judge
from harness.receiver import HttpReceiver
from harness.sections import tailing
from harness.wait import until

LINES = 300


@pytest.fixture(scope="module")
def crashed(tmp_path_factory):
    """What is left of an agent that delivered three times as many lines, with two generations of offsets."""
    directory = tmp_path_factory.mktemp("crashed")
    receiver = HttpReceiver()
    writer = Writer(directory / "app.log")
    agent = Agent(directory / "agent", tailing(writer.path, receiver))
    try:
        agent.start()
        for _ in range(3):
            writer.write(LINES)
            wait_saved(agent, writer.path)
        agent.kill9()
    finally:
        agent.stop()
        receiver.down()
    return writer, agent.state_dir


def damages():
    """How the newest generation may look: cut off anywhere, with NULs for the rest, empty, or with a wrong byte."""
    parts = [0, 1, 19, 20, 28, 29, 100, 0.5, 0.75, -2, -1]
    for part in parts:
        yield pytest.param(lambda whole, part=part: whole[: at(part, whole)], id=f"cut-{part}")
        yield pytest.param(lambda whole, part=part: zeroed(whole, at(part, whole)), id=f"zeroes-{part}")
    for part in (0, 21, 0.5, -3):
        yield pytest.param(lambda whole, part=part: flipped(whole, at(part, whole)), id=f"flip-{part}")


def at(part, whole):
    return int(len(whole) * part) if isinstance(part, float) else part % len(whole)


def zeroed(whole, begin):
    return whole[:begin] + bytes(len(whole) - begin)


def flipped(whole, where):
    return whole[:where] + bytes([whole[where] ^ 1]) + whole[where + 1 :]


def restarted(unstarted, receiver, crashed, tmp_path):
    """A copy of what is left, not started."""
    writer, state = crashed
    agent = unstarted(tailing(writer.path, receiver))
    shutil.copytree(state, agent.state_dir, dirs_exist_ok=True)
    return agent, writer, agent.state_dir / "logs"


def check_goes_on(agent, receiver, writer, repeated):
    """Nothing is missing of what comes next, and no more comes again than what the older generation did not know."""
    begin = writer.next
    writer.write(10)
    agent.start()
    until(lambda: any(f"n={writer.next - 1} " in line for line in receiver.lines), "what was written since arrives")
    numbers = sorted(int(line.split()[0][2:]) for line in receiver.lines)
    assert set(range(begin, writer.next)) <= set(numbers)
    assert numbers[0] >= begin - repeated, f"what was acknowledged long ago came again: {numbers[:3]}"
    assert len(numbers) == len(set(numbers)) and judge(receiver.lines, writer.next).corrupt == []


@pytest.mark.parametrize("damage", list(damages()))
def test_a_torn_write_of_the_offsets_costs_no_line(unstarted, http_receiver, crashed, tmp_path, damage):
    agent, writer, logs = restarted(unstarted, http_receiver, crashed, tmp_path)
    newest = logs / "offsets"
    newest.write_bytes(damage(newest.read_bytes()))
    written_since = writer.next - 3 * LINES
    check_goes_on(agent, http_receiver, writer, LINES + written_since)
    assert "WARN" in agent.log and "offsets" in agent.log


def test_a_crash_between_the_two_renames_costs_no_line(unstarted, http_receiver, crashed, tmp_path):
    agent, writer, logs = restarted(unstarted, http_receiver, crashed, tmp_path)
    (logs / "offsets").rename(logs / "offsets.old")
    check_goes_on(agent, http_receiver, writer, writer.next - 3 * LINES)


def test_without_any_whole_generation_everything_comes_again_rather_than_never(
    unstarted, http_receiver, crashed, tmp_path
):
    agent, writer, logs = restarted(unstarted, http_receiver, crashed, tmp_path)
    for name in ("offsets", "offsets.old"):
        (logs / name).write_bytes(b"\0" * 100)
    agent.start()
    http_receiver.wait_logs(writer.next)
    assert judge(http_receiver.lines, writer.next).exactly_once()
