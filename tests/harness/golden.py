"""How much of node_exporter's golden scrape the agent yields on the same made-up host, group by group.

The golden host is other people's test data: `proc`, `sys`, `udev` and the rest of a machine that never was, and the page
that node_exporter makes of it. A sample counts if name, labels and value are equal; a family, if HELP and TYPE are.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from .agent import Agent, vigie
from .scrape import Scrape

# What has been reached, and may not be lost again: samples and families.
REACHED = (2954, 1177)

# Which samples are whose: by the beginning of the name, the longest one first; others by the first word behind `node_`.
GROUPS = {
    "boot_time_": "stat",
    "cgroups_": "cgroups",
    "context_switches_": "stat",
    "cooling_device_": "thermal_zone",
    "cpu_scaling_": "cpufreq",
    "cpu_vulnerabilities_": "cpu_vulnerabilities",
    "disk_": "diskstats",
    "forks_": "stat",
    "intr_total": "stat",
    "kernel_hung_": "kernel_hung",
    "load": "loadavg",
    "md_": "mdadm",
    "memory_": "meminfo",
    "memory_numa_": "meminfo_numa",
    "network_": "netclass",
    "network_receive_": "netdev",
    "network_transmit_": "netdev",
    "network_transmit_queue_length": "netclass",
    "nf_conntrack_": "conntrack",
    "power_supply_": "powersupplyclass",
    "procs_": "stat",
    "softirqs_functions_": "softirqs",
    "softirqs_total": "stat",
    "tape_": "tapestats",
    "thermal_zone_": "thermal_zone",
    "udp_queues": "udp_queues",
}

# Of the exporter's own process, of the clock, and of files whose age nobody knows.
LEFT_OUT = re.compile(
    "go_|process_|promhttp_|node_exporter_build_info|node_scrape_collector_|node_time_(seconds|zone_offset)"
    "|node_textfile_mtime_seconds|testmetric"
)

# The groups of the golden scrape that are off by default.
ENABLED = """bcachefs buddyinfo cgroups cpu_vulnerabilities drbd interrupts kernel_hung ksmd lnstat meminfo_numa mountstats
    pcidevice processes qdisc slabinfo softirqs sysctl wifi xfrm zoneinfo""".split()

# Those that need live system calls.
DISABLED = ["filesystem", "selinux", "tcpstat", "timex", "uname"]


def settings(host):
    """The settings of the golden scrape."""
    return {
        "arp": {"netlink": False, "device_exclude": "nope"},
        "bcache": {"priority_stats": True},
        "cpu": {
            "info": True,
            "info_bugs_include": "^(cpu_meltdown|spectre_.*|mds)$",
            "info_flags_include": "^(aes|avx.?|constant_tsc)$",
        },
        "hwmon": {"chip_include": "(applesmc|asus_nb_wmi|coretemp|hwmon4|ieee80211|nct6779)"},
        "netclass": {"ignore_invalid_speed": True, "ignored_devices": "(dmz|int)"},
        "netdev": {"device_include": "lo"},
        "qdisc": {"device_include": "(wlan0|eth0)", "fixtures": str(host / "qdisc")},
        "stat": {"softirq": True},
        "sysctl": {
            "include": ["fs.file-nr", "fs.file-nr:total,current,max", "kernel.threads-max"],
            "include_info": ["kernel.seccomp.actions_avail"],
        },
        "textfile": {"directory": [str(host / "textfile/two_metric_files")]},
        "wifi": {"fixtures": str(host / "wifi")},
    }


@dataclass
class Score:
    """What was found of what one group has."""

    found: int = 0
    samples: int = 0
    right: int = 0
    families: int = 0
    wrong: list = field(default_factory=list)


def group_of(name):
    """The group that a name of the golden page belongs to."""
    rest = name.removeprefix("node_")
    start = max((start for start in GROUPS if rest.startswith(start)), key=len, default=None)
    return GROUPS[start] if start else rest.split("_")[0]


def samples(text, host=""):
    """Values by name and labels; paths are those of the place where the golden page was made."""
    page = Scrape(text.replace(f"{host}/", "collector/fixtures/") if host else text)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in page.samples}


def scores(golden, page, host):
    """The score of each group, the one with the most samples first."""
    ours, table = samples(page, str(host)), defaultdict(Score)
    for (name, labels), value in samples(golden).items():
        if LEFT_OUT.match(name):
            continue
        score = table[group_of(name)]
        score.samples += 1
        if ours.get((name, labels)) == value:
            score.found += 1
        else:
            shown = ", ".join(f'{label}="{text}"' for label, text in sorted(labels))
            score.wrong.append(f"{name}{{{shown}}} {value:g}, here {ours.get((name, labels))}")
    theirs, described = Scrape(golden).families, Scrape(page).families
    for name, family in theirs.items():
        if LEFT_OUT.match(name):
            continue
        score, here = table[group_of(name)], described.get(name)
        score.families += 1
        if here == family:
            score.right += 1
        elif here:
            score.wrong.append(f"{name}: {family.kind}, {family.help!r}; here {here.kind}, {here.help!r}")
    return dict(sorted(table.items(), key=lambda item: -item[1].samples))


def surplus(golden, page, host):
    """Names with samples that the golden page does not have, where the group is one of its groups."""
    known, ours = samples(golden), samples(page, str(host))
    names = Counter(name for name, labels in ours if name.startswith("node_") and (name, labels) not in known)
    return {name: count for name, count in names.items() if not LEFT_OUT.match(name)}


def known(system):
    """The configuration without what the agent does not know: a group that is missing has no samples, that is all."""
    flags = set(re.findall(r"--collector\.([\w.-]+)", vigie("--help").stdout))
    keys = {re.sub("[A-Z]", lambda capital: f"_{capital.group().lower()}", re.sub("[-.]", "_", flag)) for flag in flags}
    for group in [key for key, value in system.items() if isinstance(value, dict)]:
        system[group] = {key: value for key, value in system[group].items() if f"{group}_{key}" in keys}
        if not system[group]:
            del system[group]
    for switch in ("enable", "disable"):
        system[switch] = [group for group in system[switch] if group in flags]
    return system


def system(host):
    """The configuration of the golden scrape."""
    return known(
        {
            "procfs": str(host / "proc"),
            "sysfs": str(host / "sys"),
            "rootfs": str(host),
            "udev_data": str(host / "udev/data"),
            "enable": list(ENABLED),
            "disable": list(DISABLED),
            **settings(host),
        }
    )


def measure(host, golden, work):
    """Scrapes the golden host; the scores and what there is too much."""
    agent = Agent(work / "golden", {"collectors": {"system": system(host)}}).start()
    try:
        page = agent.scrape().text
    finally:
        agent.stop()
    return scores(golden, page, host), surplus(golden, page, host)


def report(table, more, limit=12):
    """The table, then what is missing or differs, of each group a few."""
    for group, score in table.items():
        if score.wrong:
            print(f"  {group}:")
            for line in score.wrong[:limit]:
                print(f"    {line}")
            if len(score.wrong) > limit:
                print(f"    … and {len(score.wrong) - limit} more")
    for name, count in sorted(more.items()):
        print(f"  not in the golden page: {name}, {count} samples")
    print("  group                 samples      HELP and TYPE")
    for group, score in table.items():
        print(f"  {group:20} {score.found:4} / {score.samples:<4}   {score.right:4} / {score.families}")


def check(host, golden, work):
    """Measures, reports, and fails if less was found than before."""
    table, more = measure(host, golden, work)
    report(table, more)
    found, right = (sum(getattr(score, name) for score in table.values()) for name in ("found", "right"))
    samples, families = (sum(getattr(score, name) for score in table.values()) for name in ("samples", "families"))
    assert found >= REACHED[0] and right >= REACHED[1], f"{found} samples and {right} families; before {REACHED}"
    if (found, right) > REACHED:
        print(f"  more than before: set REACHED to ({found}, {right})")
    return f"{found} of {samples} samples ({found / samples:.1%}), {right} of {families} families"
