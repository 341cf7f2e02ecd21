"""The golden host as broken kernel modules, torn reads and hostile mounts could have it: some of its files are cut off,
emptied, filled with negative or huge numbers, with bytes that are no text, turned around, gone, or directories.

Whatever it is, the agent answers, its pages parse, and the groups that read other files say what they said before.
"""

import random
import re
import shutil
import time

from .agent import Agent
from .golden import LEFT_OUT, group_of, samples, system
from .scrape import OPENMETRICS, strict
from .wait import until

# Which groups read the files whose path begins so, the longest beginning counts; the other files, nobody's, may matter
# to none. cpufreq and cpu have families whose names begin alike.
READERS = {
    "etc/": "os",
    "proc/": "",
    "proc/[0-9]": "processes mountstats",
    "proc/self": "processes mountstats",
    "proc/buddyinfo": "buddyinfo",
    "proc/cgroups": "cgroups",
    "proc/cpuinfo": "cpu cpufreq",
    "proc/diskstats": "diskstats",
    "proc/drbd": "drbd",
    "proc/interrupts": "interrupts",
    "proc/loadavg": "loadavg",
    "proc/mdstat": "mdadm",
    "proc/meminfo": "meminfo",
    "proc/net/arp": "arp",
    "proc/net/ip_vs": "ipvs",
    "proc/net/netstat": "netstat",
    "proc/net/rpc/nfs": "nfs",
    "proc/net/rpc/nfsd": "nfsd",
    "proc/net/snmp": "netstat",
    "proc/net/sockstat": "sockstat",
    "proc/net/softnet_stat": "softnet",
    "proc/net/stat/": "lnstat conntrack",
    "proc/net/udp": "udp_queues",
    "proc/net/xfrm_stat": "xfrm",
    "proc/pressure": "pressure",
    "proc/schedstat": "schedstat",
    "proc/slabinfo": "slabinfo",
    "proc/softirqs": "softirqs",
    "proc/spl": "zfs",
    "proc/stat": "cpu cpufreq stat softirqs",
    "proc/sys/fs/file-nr": "filefd sysctl",
    "proc/sys/kernel/hung": "kernel_hung",
    "proc/sys/kernel/pid_max": "processes",
    "proc/sys/kernel/random": "entropy",
    "proc/sys/kernel/seccomp": "sysctl",
    "proc/sys/kernel/threads-max": "processes sysctl",
    "proc/sys/net/netfilter": "conntrack",
    "proc/vmstat": "vmstat",
    "proc/zoneinfo": "zoneinfo",
    "qdisc/": "qdisc",
    "sys/": "bonding diskstats dmmultipath fibrechannel hwmon infiniband netclass nvme pcidevice powersupplyclass rapl "
    "tapestats thermal_zone watchdog",
    "sys/block/": "diskstats dmmultipath mdadm",
    "sys/bus/cpu": "cpu cpufreq",
    "sys/bus/node": "meminfo_numa",
    "sys/bus/pci": "pcidevice",
    "sys/class/dmi": "dmi",
    "sys/class/fc_host": "fibrechannel",
    "sys/class/hwmon": "hwmon",
    "sys/class/infiniband": "infiniband",
    "sys/class/net": "bonding netclass",
    "sys/class/nvme": "nvme",
    "sys/class/power_supply": "powersupplyclass",
    "sys/class/powercap": "rapl",
    "sys/class/scsi_tape": "tapestats",
    "sys/class/thermal": "thermal_zone",
    "sys/class/watchdog": "watchdog",
    "sys/devices/pci": "bcache diskstats fibrechannel hwmon infiniband netclass nvme pcidevice powersupplyclass "
    "tapestats thermal_zone",
    "sys/devices/rbd": "bcache diskstats",
    "sys/devices/system/clocksource": "time",
    "sys/devices/system/cpu": "cpu cpufreq cpu_vulnerabilities",
    "sys/devices/system/edac": "edac",
    "sys/devices/system/node": "meminfo_numa",
    "sys/fs/bcache/": "bcache",
    "sys/fs/bcachefs/": "bcachefs",
    "sys/fs/btrfs/": "btrfs",
    "sys/fs/xfs/": "xfs",
    "sys/kernel/mm/ksm": "ksmd",
    "textfile/": "textfile",
    "udev/": "diskstats",
    "usr/": "os",
    "wifi/": "wifi",
}

NUMBER = re.compile(rb"\d+")


def readers(path):
    """The groups that the content of a file may matter to."""
    plain = re.sub(r"^proc/\d+", "proc/[0-9]", path)
    start = max((start for start in READERS if plain.startswith(start)), key=len, default=None)
    return set(READERS[start].split()) if start else set()


def noise(chance, length):
    return bytes(chance.randrange(128, 256) for _ in range(length))


def put_into(chance, content, foreign):
    at = chance.randrange(len(content) + 1)
    return content[:at] + foreign + content[at:]


def turned(chance, content):
    lines = content.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


# What becomes of a file's content; `None`: it is gone, `...`: a directory has its name.
MUTATIONS = {
    "cut off": lambda chance, content: content[: chance.randrange(len(content) + 1)],
    "emptied": lambda chance, content: b"",
    "negative": lambda chance, content: NUMBER.sub(rb"-\g<0>", content),
    "huge": lambda chance, content: NUMBER.sub(
        chance.choice([b"18446744073709551615", b"9" * 40, b"1e308", b"1e999"]), content
    ),
    "not UTF-8": lambda chance, content: put_into(chance, content, noise(chance, 7)),
    "zero bytes": lambda chance, content: put_into(chance, content, bytes(9)),
    "without spaces": lambda chance, content: content.replace(b" ", b""),
    "lines turned around": turned,
    "lines twice": lambda chance, content: content + content,
    "a line without end": lambda chance, content: content.rstrip() + b" 1" * 100_000,
    "gone": lambda chance, content: None,
    "a directory": lambda chance, content: ...,
}


class Mutant:
    """A host some of whose files are changed, until `restore`."""

    def __init__(self, host, seed):
        self.host = host
        self.chance = random.Random(seed)
        files = (path for path in host.rglob("*") if path.is_file() and not path.is_symlink())
        self.files = sorted(path for path in files if "ethtool" not in path.parts)
        self.kept = {}

    def mutate(self, count):
        """Changes so many files; what was done to which."""
        done = {}
        for path in self.chance.sample(self.files, count):
            kind = self.chance.choice(sorted(MUTATIONS))
            self.kept[path] = path.read_bytes()
            content = MUTATIONS[kind](self.chance, self.kept[path])
            if content is None or content is ...:
                path.unlink()
            if content is ...:
                path.mkdir()
            elif content is not None:
                path.write_bytes(content)
            done[str(path.relative_to(self.host))] = kind
        return done

    def restore(self):
        for path, content in self.kept.items():
            if path.is_dir():
                shutil.rmtree(path)
            path.write_bytes(content)
        self.kept.clear()


def told(agent, host):
    """Values by name and labels, of a page that both formats' parsers take."""
    strict(agent.get("/metrics", headers={"Accept": OPENMETRICS}).text)
    values = samples(agent.scrape().text, str(host))
    return {key: value for key, value in values.items() if key[0].startswith("node_") and not LEFT_OUT.match(key[0])}


def differing(before, after, touched):
    """Series that are not what they were, and that none of the touched groups tells."""
    same_as = {key for key in before.keys() & after.keys() if before[key] == after[key]}
    others = (before.keys() | after.keys()) - same_as
    return sorted(str(key) for key in others if group_of(key[0]) not in touched)


def check_page(agent, host, before, done, seed):
    touched = set().union(*map(readers, done))
    where = f"seed {seed}: {done}"
    try:
        wrong = differing(before, told(agent, host), touched)
    except Exception as error:
        raise AssertionError(f"{where}: {error!r}") from error
    assert agent.process.running and "panicked" not in agent.log, f"{where}: {agent.log[-2000:]}"
    assert not wrong, f"{where}: {wrong[:5]}"


def fresh(agent):
    """Waits until values younger than a second, which are used again, are none of before."""
    begun = time.time()
    until(lambda: agent.scrape().value("node_time_seconds") >= begun, "all values are fresh", every=0.1)


def check(host, work, seed, rounds=60, at_once=6):
    """Rounds with an agent each, then some with one that lives through them and sees the host restored."""
    mutant = Mutant(host, seed)
    whole = system(host)
    # That one asks the kernel, of the real host.
    config = {"collectors": {"system": whole | {"disable": [*whole["disable"], "netdev"]}}}
    agent = Agent(work / "whole", config).start()
    try:
        before = told(agent, host)
        for _ in range(rounds // 6):
            done = mutant.mutate(at_once)
            fresh(agent)
            check_page(agent, host, before, done, seed)
            mutant.restore()
        until(lambda: told(agent, host) == before, "a restored host is told as before", timeout=5, every=0.3)
    finally:
        agent.stop()
        mutant.restore()
    for number in range(rounds):
        done = mutant.mutate(at_once)
        agent = Agent(work / f"mutant{number}", config)
        try:
            agent.start()
            check_page(agent, host, before, done, seed)
        finally:
            agent.stop()
            mutant.restore()
    return f"{at_once * (rounds + rounds // 6)} mutations of {len(mutant.files)} files, seed {seed}"
