"""Interfaces that are made for the test, in a network of their own: a pair of virtual Ethernet ends."""

import contextlib
import itertools
import time

from harness.agent import Agent
from harness.exporters import node_exporter
from harness.network import inside, ip
from harness.wait import until


def series(page):
    """Values by name and labels of what is the host's."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for sample in page.samples
        if sample.name.startswith("node_") and not sample.name.startswith(("node_scrape_", "node_exporter_"))
    }


def described(page, names):
    return {name: (page.families[name].kind, page.families[name].help) for name in names}


def beside_node_exporter(directory, system, flags):
    """Series, types and HELP of node_exporter, and then the agent's."""
    ip("link", "add", "left", "type", "veth", "peer", "name", "right")
    ip("address", "add", "192.0.2.1/24", "dev", "left")
    ip("address", "add", "2001:db8::1/64", "dev", "left", "nodad")
    ip("address", "add", "192.0.2.2", "peer", "192.0.2.3/32", "dev", "right")
    for end in ("left", "right"):
        ip("link", "set", end, "up")
    exporter = node_exporter(directory / "node_exporter", "--collector.disable-defaults", *flags)
    agent = Agent(directory / "agent", {"collectors": {"system": system}})
    try:
        agent.start()
        pages = exporter.scrape(), agent.scrape()
    finally:
        agent.stop()
        exporter.stop()
    names = {name for name, _ in series(pages[0])}
    return [(series(page), described(page, names & page.families.keys())) for page in pages]


def test_drivers_are_told_as_by_node_exporter(tmp_path):
    theirs, ours = inside(beside_node_exporter, tmp_path, {"enable": ["ethtool"]}, ["--collector.ethtool"])
    told = {key: value for key, value in ours[0].items() if key in theirs[0]}
    assert told == theirs[0]
    assert ours[1] == theirs[1]
    link = frozenset({"device": "left"}.items())
    assert theirs[0]["node_ethtool_peer_ifindex", link] > 1
    assert {name for name, _ in ours[0]} & {"node_ethtool_info", "node_network_autonegotiate"} <= theirs[1].keys()


def test_counters_in_detail_and_addresses_are_told_as_by_node_exporter(tmp_path):
    settings = {"enable_detailed_metrics": True, "address_info": True, "device_include": "^(lo|left|right)$"}
    flags = [f"--collector.netdev.{key.replace('_', '-')}" for key, value in settings.items() if value is True]
    flags += ["--collector.netdev", "--collector.netdev.device-exclude=^$"]
    theirs, ours = inside(beside_node_exporter, tmp_path, {"netdev": settings}, flags)
    # Addresses for the link alone come and go with the link.
    wanted = {key for key in theirs[0] if not any(text.startswith("fe80:") for _, text in key[1])}
    assert wanted - ours[0].keys() == set()
    assert ours[1] == theirs[1]
    addresses = {dict(labels)["address"] for name, labels in wanted if name == "node_network_address_info"}
    assert addresses == {"127.0.0.1", "::1", "192.0.2.1", "2001:db8::1", "192.0.2.2"}
    in_detail = {key for key in ours[0] if key[0] in theirs[1] or key[0].startswith("node_network_receive_")}
    assert {name for name, _ in in_detail} == theirs[1].keys()


def test_interfaces_over_netlink_are_told_as_by_node_exporter(tmp_path):
    system = {"disable": ["netdev"], "netclass": {"netlink": True, "rtnl_with_stats": True}}
    flags = ["--collector.netclass", "--collector.netclass.netlink", "--collector.netclass_rtnl.with-stats"]
    theirs, ours = inside(beside_node_exporter, tmp_path, system, flags)
    assert theirs[0].keys() - ours[0].keys() == set()
    assert len({name for name, _ in theirs[0]}) > 30
    still = [key for key in theirs[0] if not key[0].endswith("_total")]
    assert {key: ours[0][key] for key in still} == {key: theirs[0][key] for key in still}
    # node_exporter calls what was sent and received a gauge.
    told = {name: ("counter" if name.endswith("_total") else kind, text) for name, (kind, text) in theirs[1].items()}
    assert ours[1] == told


CHANGES = [
    ["left", "mtu", "1400", "txqueuelen", "77", "group", "5", "alias", "uplink"],
    ["left", "promisc", "on"],
    ["right", "down"],
    ["left", "down"],
    ["left", "address", "02:00:00:00:00:07"],
    ["left", "name", "renamed"],
    ["renamed", "up"],
]


def changing(directory):
    """What node_exporter tells of the interfaces, and then the agent, at first and after each change."""
    ip("link", "add", "left", "up", "type", "veth", "peer", "name", "right")
    ip("link", "set", "right", "up")
    exporter = node_exporter(directory / "node_exporter", "--collector.disable-defaults", "--collector.netclass")
    agent = Agent(directory / "agent", {})

    def fresh(since):
        """Values that were not used before."""
        page = agent.scrape("/metrics?collect[]=netclass&collect[]=time")
        return page if page.value("node_time_seconds") >= since else None

    def settled():
        """Both pages once they are alike, or as they are in the end: a link's state follows a change by a moment."""
        pages = []

        def alike():
            pages.append(both())
            return pages[-1][0] == pages[-1][1]

        with contextlib.suppress(AssertionError):
            until(alike, "both tell the same", timeout=10)
        return pages[-1]

    def both():
        since = time.time()
        ours = until(lambda: fresh(since), "all values are fresh", every=0.1)
        # The label came later.
        told = series(ours).items()
        ours = {
            (name, frozenset(pair for pair in labels if pair[0] != "adminstate")): value
            for (name, labels), value in told
        }
        theirs = series(exporter.scrape())
        return theirs, {key: value for key, value in ours.items() if key[0].startswith("node_network_")}

    try:
        agent.start()
        pages = [settled()]
        for change in CHANGES:
            ip("link", "set", *change)
            pages.append(settled())
        return pages
    finally:
        agent.stop()
        exporter.stop()


def test_an_interface_that_changes_is_told_as_it_is(tmp_path):
    pages = inside(changing, tmp_path)
    assert [ours for _, ours in pages] == [theirs for theirs, _ in pages]
    # Each change is one of a series.
    assert all(before[0] != after[0] for before, after in itertools.pairwise(pages))
