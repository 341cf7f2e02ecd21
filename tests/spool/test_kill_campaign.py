"""The campaign of tests/campaign with the spool on disk, short; `tests/campaign --spool` is the full one."""

import pytest
from harness.campaign import bound, campaign

KILLS = 25
RATE = 400


@pytest.mark.parametrize(
    "seed, spool",
    [
        pytest.param(1, {"mode": "disk"}, id="roomy"),
        # Sources wait for it every now and then, and segments are of 64 KiB.
        pytest.param(2, {"mode": "disk", "max_size": "1MiB"}, id="tight"),
    ],
)
def test_nothing_is_lost_by_kills_amid_rotations_and_outages_with_a_spool(
    unstarted, http_receiver, tmp_path, seed, spool
):
    outcome = campaign(unstarted(), http_receiver, tmp_path / "logs", KILLS, seed, spool, RATE)
    print(outcome)
    assert outcome.rotations > 0
    assert outcome.verdict.none_lost(duplicates=KILLS * bound(RATE)), outcome
    assert outcome.most_at_once <= bound(RATE), outcome
