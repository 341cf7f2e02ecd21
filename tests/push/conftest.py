"""What the tests of the push start: an agent that tails a numbered file to receivers."""

import pytest
from harness.oracle import Writer
from harness.sections import tailing


@pytest.fixture
def pushing(agent, tmp_path):
    """`pushing(receiver)` starts an agent that tails a file to it: (agent, writer)."""

    def start(*receivers, **over):
        log = tmp_path / "app.log"
        return agent(tailing(log, *receivers, **over)), Writer(log)

    return start
