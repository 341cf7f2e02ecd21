"""Pings in a network of one's own, from unprivileged and from raw sockets, and each way in which they fail."""

import ctypes
import threading
from pathlib import Path

import pytest
from harness.network import Namespace
from harness.sections import probing
from harness.wait import until

PR_CAPBSET_DROP, CAP_NET_RAW = 24, 13
ANYBODY, NOBODY = "0 2147483647", "1 0"


def allow(groups):
    """Who may open the unprivileged sockets of the network that this runs in."""
    Path("/proc/sys/net/ipv4/ping_group_range").write_text(groups)


def without_raw_sockets():
    """What this thread starts from now on may not open raw sockets, whoever runs it."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, CAP_NET_RAW, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


@pytest.fixture(params=["unprivileged", "raw"])
def sockets(request, namespace):
    """A network in which pings leave from sockets of this kind."""
    if request.param == "raw":
        namespace.call(allow, NOBODY)
    else:
        namespace.call(allow, ANYBODY)
        namespace.restrict = lambda: namespace.call(without_raw_sockets)
    return namespace


def ping(network, agent, host, timeout="2s", **settings):
    """The page after a run of this probe."""
    if restrict := getattr(network, "restrict", None):
        restrict()
    entry = {"name": "ping", "icmp": {"host": host} | settings, "interval": "1h", "timeout": timeout}
    return network.call(after_run, agent, entry)


def after_run(agent, entry):
    started = agent(probing(entry))

    def done():
        page = started.scrape()
        ran = sum(sample.value for sample in page.series("vigie_probe_runs_total"))
        return page if ran >= max(1, len(entry.get("targets", []))) else None

    return until(done, "it has run")


def failure(page):
    """Reason and phase, or None."""
    found = [(sample.labels["reason"], sample.labels["phase"]) for sample in page.series("probe_failure_info")]
    assert len(found) == 1 - page.value("probe_success"), found
    return found[0] if found else None


@pytest.mark.parametrize("host, version", [("127.0.0.1", 4), ("::1", 6)])
def test_a_host_that_answers(sockets, agent, host, version):
    page = ping(sockets, agent, host)
    assert failure(page) is None
    assert page.value("probe_icmp_reply_hop_limit") == 64
    assert page.value("probe_ip_protocol") == version
    phases = {sample.labels["phase"]: sample.value for sample in page.series("probe_icmp_duration_seconds")}
    assert phases.keys() == {"resolve", "setup", "rtt"}
    assert 0 < phases["rtt"] < 1 and phases["setup"] > 0


@pytest.mark.parametrize("size", [1, 28, 1400, 65507])
def test_payloads_of_any_size_come_back(sockets, agent, size):
    assert failure(ping(sockets, agent, "127.0.0.1", payload_size=size)) is None


def test_a_ping_leaves_from_the_address_it_is_to(sockets, agent):
    sockets.address("192.0.2.7/32")
    sockets.drop("-p", "icmp", "--icmp-type", "echo-request", "!", "-s", "192.0.2.7")
    assert failure(ping(sockets, agent, "127.0.0.1", timeout="300ms")) == ("timeout", "rtt")
    assert failure(ping(sockets, agent, "127.0.0.1", source_ip_address="192.0.2.7")) is None


def test_no_answer_is_a_timeout(sockets, agent):
    sockets.drop("-p", "icmp", "--icmp-type", "echo-reply")
    page = ping(sockets, agent, "127.0.0.1", timeout="300ms")
    assert failure(page) == ("timeout", "rtt")
    assert page.value("probe_icmp_duration_seconds", phase="rtt") >= 0.29


@pytest.mark.parametrize("how", ["icmp-host-unreachable", "icmp-admin-prohibited"])
def test_a_refusal_by_a_host_on_the_way_is_told_at_once(sockets, agent, how):
    sockets.reject("-p", "icmp", "--icmp-type", "echo-request", how=how)
    page = ping(sockets, agent, "127.0.0.1", timeout="10s")
    assert failure(page) == ("icmp_unreachable", "rtt")
    assert page.value("probe_duration_seconds") < 5


def test_a_target_without_a_route(sockets, agent):
    page = ping(sockets, agent, "192.0.2.1", timeout="10s")
    assert failure(page) == ("icmp_unreachable", "setup")


def test_a_packet_that_may_not_be_cut(sockets, agent):
    sockets.ip("link", "set", "lo", "mtu", "1500")
    assert failure(ping(sockets, agent, "127.0.0.1", payload_size=2000)) is None
    assert failure(ping(sockets, agent, "127.0.0.1", payload_size=1472, dont_fragment=True)) is None
    page = ping(sockets, agent, "127.0.0.1", payload_size=1473, dont_fragment=True)
    assert failure(page) == ("icmp_too_big", "rtt")


def test_a_target_farther_away_than_allowed(sockets, agent):
    router = Namespace()
    try:
        sockets.ip("link", "add", "inside", "type", "veth", "peer", "name", "outside")
        sockets.ip("link", "set", "outside", "netns", str(router.call(threading.get_native_id)))
        for network, device, address in [(sockets, "inside", "10.9.0.1/24"), (router, "outside", "10.9.0.2/24")]:
            network.ip("address", "add", address, "dev", device)
            network.ip("link", "set", device, "up")
        sockets.ip("route", "add", "10.99.0.0/24", "via", "10.9.0.2")
        router.ip("route", "add", "10.99.0.0/24", "via", "10.9.0.1")
        router.call(Path("/proc/sys/net/ipv4/ip_forward").write_text, "1")
        page = ping(sockets, agent, "10.99.0.9", ttl=1, timeout="10s")
        assert failure(page) == ("icmp_time_exceeded", "rtt")
        assert page.value("probe_duration_seconds") < 5
        assert failure(ping(sockets, agent, "10.9.0.2", ttl=1)) is None
    finally:
        router.stop()


def test_where_no_socket_is_allowed(namespace, agent):
    namespace.call(allow, NOBODY)
    namespace.call(without_raw_sockets)
    assert failure(ping(namespace, agent, "127.0.0.1")) == ("icmp_permission", "setup")
    assert failure(ping(namespace, agent, "::1")) == ("icmp_permission", "setup")


def test_many_pings_at_a_time_do_not_take_each_others_replies(sockets, agent):
    names = [{"targets": [f"127.0.{i}.1"]} for i in range(60)]
    half = [{"targets": [f"127.0.{i}.1"]} for i in range(60, 80)]
    for i in range(60, 80):
        sockets.drop("-p", "icmp", "-d", f"127.0.{i}.1")
    if restrict := getattr(sockets, "restrict", None):
        restrict()
    entry = {"name": "many", "icmp": {}, "targets": names + half, "interval": "200ms", "timeout": "150ms"}
    started = sockets.call(agent, probing(entry))

    def done():
        page = started.scrape()
        runs = [sample.value for sample in page.series("vigie_probe_runs_total")]
        return page if len(runs) == 80 and min(runs) >= 3 else None

    page = sockets.call(until, done, "all have run")
    answered = {sample.labels["instance"] for sample in page.series("probe_success") if sample.value}
    assert answered <= {target for group in names for target in group["targets"]}
    assert len(answered) >= 55


def test_series_are_blackbox_exporters(namespace, agent, blackbox):
    namespace.call(allow, ANYBODY)
    probe = {"preferred_ip_protocol": "ip4", "ttl": 5, "payload_size": 100}
    theirs = namespace.call(blackbox, {"ping": {"prober": "icmp", "timeout": "2s", "icmp": probe}})
    page = namespace.call(theirs.probe, "127.0.0.1", "ping")
    ours = ping(namespace, agent, "127.0.0.1", **probe)
    assert page.value("probe_success") == ours.value("probe_success") == 1
    shape = {(s.name, frozenset(s.labels.items())) for s in page.samples if s.name.startswith("probe_")}
    own = {
        (s.name, frozenset((k, v) for k, v in s.labels.items() if k not in ("instance", "probe"))) for s in ours.samples
    }
    assert shape - own == set()
    kinds = {key: (f.kind, f.help) for key, f in page.families.items() if key.startswith("probe_")}
    assert {key: (ours.families[key].kind, ours.families[key].help) for key in kinds} == kinds
    assert ours.value("probe_icmp_reply_hop_limit") == page.value("probe_icmp_reply_hop_limit")
