"""The score of the golden host counts what is equal, and only that."""

import pytest

from harness import golden

GOLDEN = """\
# HELP node_load1 1m load average.
# TYPE node_load1 gauge
node_load1 0.5
# HELP node_nfs_rpcs_total RPCs.
# TYPE node_nfs_rpcs_total counter
node_nfs_rpcs_total 7
# HELP node_rapl_core_joules_total Joules.
# TYPE node_rapl_core_joules_total counter
node_rapl_core_joules_total{path="collector/fixtures/sys/x"} 1
# HELP node_time_seconds Now.
# TYPE node_time_seconds gauge
node_time_seconds 1
"""


def counts(page):
    table = golden.scores(GOLDEN, page, "/tmp/host")
    return {group: (score.found, score.samples, score.right, score.families) for group, score in table.items()}


def test_an_equal_page_has_it_all_wherever_the_host_is():
    page = GOLDEN.replace("collector/fixtures/", "/tmp/host/")
    assert counts(page) == {"loadavg": (1, 1, 1, 1), "nfs": (1, 1, 1, 1), "rapl": (1, 1, 1, 1)}


@pytest.mark.parametrize(
    "wrong",
    [
        ("node_load1 0.5", "node_load1 0.6"),
        ("node_load1 0.5", 'node_load1{a="b"} 0.5'),
        ("node_load1 0.5\n", ""),
    ],
)
def test_another_value_other_labels_and_none_are_missing(wrong):
    assert counts(GOLDEN.replace(*wrong))["loadavg"][:2] == (0, 1)


@pytest.mark.parametrize("wrong", [("1m load", "one minute's load"), ("node_load1 gauge", "node_load1 counter")])
def test_another_help_and_another_type_are_wrong(wrong):
    assert counts(GOLDEN.replace(*wrong))["loadavg"][2:] == (0, 1)


def test_a_group_is_known_by_the_longest_beginning_of_a_name():
    names = ["node_memory_numa_Active", "node_memory_Active_bytes", "node_network_receive_errs_total", "node_zfs_arc_c"]
    assert [golden.group_of(name) for name in names] == ["meminfo_numa", "meminfo", "netdev", "zfs"]


def test_what_is_too_much_is_told_by_name():
    more = golden.surplus(GOLDEN, GOLDEN + "node_extra 1\nnode_time_seconds 2\nvigie_x 1\n", "/tmp/host")
    assert more == {"node_extra": 1}
