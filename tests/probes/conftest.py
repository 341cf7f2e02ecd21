"""What tests of probes start."""

import pytest
from harness.side_by_side import Pair


@pytest.fixture
def pair(tmp_path, agent, blackbox):
    """`pair(modules, access=None)`: the agent and Debian's blackbox_exporter with the same modules."""

    def start(modules, access=None):
        return Pair(tmp_path, agent, blackbox, modules, access)

    return start
