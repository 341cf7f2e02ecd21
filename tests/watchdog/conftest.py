"""Fixtures of the tests of what is watched."""

import uuid

import pytest
from harness.program import Program


@pytest.fixture
def dying(request, tmp_path):
    """`dying(every=…)` starts harness/programs/dying.py with a tag of its own on its command line."""

    def start(**options):
        tag = f"vigie-dying-{uuid.uuid4().hex[:12]}"
        program = Program(tmp_path / tag, "dying", tag=tag, **options)
        request.addfinalizer(program.stop)
        program.tag = tag
        return program

    return start
