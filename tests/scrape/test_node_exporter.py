"""Debian's node_exporter runs beside the agent on the same host: names, labels, types and values are its own."""

import time

import pytest
from harness.exporters import node_exporter
from harness.wait import until

GROUPS = [
    "cpu", "meminfo", "loadavg", "stat", "vmstat", "diskstats", "filesystem", "netdev", "netstat", "sockstat",
    "filefd", "pressure", "uname", "time", "os", "arp", "cpufreq", "edac", "entropy", "hwmon", "netclass", "processes",
    "schedstat", "selinux", "softnet", "tcpstat", "thermal_zone", "timex", "udp_queues",
]  # fmt: skip

# Debian has node_exporter 1.5. The agent follows a newer one, whose default filters leave more out (and lo in)…
FILTERS = {
    "netdev.device-exclude": "^$",
    "filesystem.mount-points-exclude": r"^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+"
    r"|var/lib/containers/storage/.+)($|/)",
    "filesystem.fs-types-exclude": "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl"
    "|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs"
    "|tracefs)$",
    "diskstats.device-exclude": r"^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$",
    "netstat.fields": "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)"
    "|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs"
    "|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$",
}

# Gauges of what the readers themselves do: files they hold open, threads, sockets between them and the tests.
BUSY = {
    "node_filefd_allocated", "node_processes_pids", "node_processes_state", "node_processes_threads",
    "node_processes_threads_state", "node_sockstat_sockets_used", "node_sockstat_TCP_alloc", "node_sockstat_TCP_inuse",
    "node_tcp_connection_states", "node_udp_queues",
}  # fmt: skip

# … and which has these besides.
NEWER = {
    "node_filesystem_mount_info",
    "node_filesystem_purgeable_bytes",
    "node_softnet_backlog_len",
    "node_softnet_cpu_collision_total",
    "node_softnet_flow_limit_count_total",
    "node_softnet_received_rps_total",
}

# Labels that came later.
NEWER_LABELS = {"rotational", "adminstate"}


# Groups that neither has on by default.
OTHERS = [
    "buddyinfo", "cgroups", "ethtool", "interrupts", "ksmd", "lnstat", "meminfo_numa", "network_route", "qdisc", "slabinfo",
    "zoneinfo",
]  # fmt: skip


@pytest.fixture(scope="module")
def upstream(tmp_path_factory):
    """node_exporter with the groups above."""
    flags = ["--collector.disable-defaults", *(f"--collector.{group}" for group in GROUPS)]
    flags += [f"--collector.{name}={pattern}" for name, pattern in FILTERS.items()]
    exporter = node_exporter(tmp_path_factory.mktemp("node_exporter"), *flags)
    yield exporter
    exporter.stop()


def own(name):
    """Whether a name is one of the host's, not of the scrape or the exporter."""
    return name.startswith("node_") and not name.startswith(("node_scrape_", "node_exporter_"))


def page_of(agent):
    """A page on which nothing is older than this call: values younger than a second are used again."""
    begun = time.time()

    def fresh():
        page = agent.scrape("/metrics?" + "&".join(f"collect[]={group}" for group in GROUPS))
        return page if page.value("node_time_seconds") >= begun else None

    return until(fresh, "all values are fresh", every=0.1)


def series(page):
    """Values by name and labels, less those labels that came later."""
    return {
        (sample.name, frozenset((label, text) for label, text in sample.labels.items() if label not in NEWER_LABELS)): (
            sample.value
        )
        for sample in page.samples
        if own(sample.name)
    }


def test_every_series_is_there_under_its_name_and_labels(agent, upstream):
    started = agent()

    def differing():
        """Series of the one and not the other; what comes and goes is not there twice."""
        before, ours, after = series(upstream.scrape()), series(page_of(started)), series(upstream.scrape())
        missing = (before.keys() & after.keys()) - ours.keys()
        surplus = {key for key in ours.keys() - before.keys() - after.keys() if key[0] not in NEWER}
        return missing, surplus

    missing, surplus = differing()
    for _ in range(3):
        if missing or surplus:
            again = differing()
            missing, surplus = missing & again[0], surplus & again[1]
    assert not missing, sorted(map(str, missing))[:20]
    assert not surplus, sorted(map(str, surplus))[:20]


def test_groups_that_are_off_by_default_are_upstreams_too(agent, tmp_path):
    exporter = node_exporter(tmp_path, "--collector.disable-defaults", *(f"--collector.{group}" for group in OTHERS))
    try:
        started = agent({"collectors": {"system": {"enable": OTHERS}}})

        def missing():
            before, ours, after = series(exporter.scrape()), series(started.scrape()), series(exporter.scrape())
            return (before.keys() & after.keys()) - ours.keys()

        assert len(series(exporter.scrape())) > 100
        until(lambda: not missing(), "every series is there", timeout=30, every=1)
        theirs, ours = exporter.scrape().families, started.scrape().families
        kinds = {name: family.kind for name, family in theirs.items() if own(name)}
        assert {name: ours[name].kind for name in kinds} == kinds
    finally:
        exporter.stop()


def test_types_and_help_are_upstreams(agent, upstream):
    theirs, ours = upstream.scrape().families, page_of(agent()).families
    wrong = [
        (name, family.kind, ours[name].kind)
        for name, family in theirs.items()
        if own(name) and name in ours and ours[name].kind != family.kind
    ]
    assert wrong == []
    assert [name for name in ours if own(name) and not ours[name].help] == []


def test_values_are_the_same_where_they_hold_still_and_between_two_readings_where_they_count(agent, upstream):
    started = agent()
    counters = {name for name, family in upstream.scrape().families.items() if family.kind == "counter"}

    def wrong():
        before, ours, after = series(upstream.scrape()), series(page_of(started)), series(upstream.scrape())
        found = {}
        for key in before.keys() & ours.keys() & after.keys():
            low, value, high = before[key], ours[key], after[key]
            # A hundredth of a second is the kernel's own rounding of its counters.
            if key[0] in counters and not low - 0.011 <= value <= high + 0.011:
                found[key] = (low, value, high)
            elif key[0] in counters | BUSY:
                continue
            elif low == high and abs(value - low) > 1e-9 * abs(low):
                found[key] = (low, value, high)
        return found

    # A gauge may move and come back between two readings, but not every time.
    still_wrong = wrong()
    for _ in range(8):
        if still_wrong:
            again = wrong()
            still_wrong = {key: again[key] for key in still_wrong.keys() & again.keys()}
    assert still_wrong == {}


def test_the_agent_and_node_exporter_agree_on_their_filters(agent, upstream):
    """Not one of the mounts, disks and interfaces that upstream leaves out by default, and all that it shows."""
    started = agent()

    def labels(page, name, label):
        return {sample.labels[label] for sample in page.series(name)}

    for name, label in (
        ("node_filesystem_size_bytes", "mountpoint"),
        ("node_disk_reads_completed_total", "device"),
        ("node_network_receive_bytes_total", "device"),
    ):
        until(
            lambda name=name, label=label: (
                labels(page_of(started), name, label) == labels(upstream.scrape(), name, label)
            ),
            f"the same {label}s of {name}",
            timeout=30,
        )
