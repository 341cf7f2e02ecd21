"""Interfaces that are made for the test, in a network of their own: a pair of virtual Ethernet ends."""

from harness.agent import Agent
from harness.exporters import node_exporter
from harness.network import inside, ip


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
