"""The campaign of tests/campaign, short; the full one is run by that command."""

import pytest
from harness.campaign import bound, campaign

KILLS = 25
RATE = 400


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_by_kills_amid_rotations_and_outages(unstarted, receiver, tmp_path, seed):
    outcome = campaign(unstarted(), receiver, tmp_path / "logs", KILLS, seed, rate=RATE)
    print(outcome)
    assert outcome.rotations > 0
    assert outcome.verdict.none_lost(duplicates=KILLS * bound(RATE)), outcome
    assert outcome.most_at_once <= bound(RATE), outcome
