"""Hosts that are larger than the machine at hand: trees that stand in for /proc and /sys, as the kernel writes them.

What does not grow is copied from the machine itself, so that both rivals read the same of it.
"""

import shutil
from pathlib import Path

COPIED = """proc/loadavg proc/meminfo proc/vmstat proc/uptime proc/filesystems proc/version proc/self/mountinfo
    proc/net/arp proc/net/dev proc/net/netstat proc/net/snmp proc/net/snmp6 proc/net/sockstat proc/net/sockstat6 proc/net/udp
    proc/net/udp6 proc/net/softnet_stat proc/pressure/cpu proc/pressure/io proc/pressure/memory proc/sys/fs/file-nr
    proc/sys/kernel/random/entropy_avail proc/sys/kernel/random/poolsize proc/sys/kernel/pid_max
    proc/sys/kernel/threads-max""".split()


def make(root, cpus=2, disks=2, mounts=2):
    """Writes the tree; answers where its /proc, its /sys, its udev data and its root are."""
    root = Path(root)
    for name in COPIED:
        if Path("/", name).exists():
            _write(root / name, Path("/", name).read_bytes())
    _cpus(root, cpus)
    _disks(root, disks)
    _mounts(root, mounts)
    (root / "sys/class").mkdir(parents=True, exist_ok=True)
    return root / "proc", root / "sys", root / "udev", root


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def _cpus(root, count):
    times = "{} 55094 120 21364 2450912 8571 0 1892 310 0 0"
    rest = "intr 26214 0 9 0 0\nctxt 8640112\nbtime 1700000000\nprocesses 28031\nprocs_running 1\nprocs_blocked 0\n"
    rest += "softirq 5057579 0 1 250191 1481983 3 0 1 0 2 0\n"
    lines = [times.format("cpu ")] + [times.format(f"cpu{number}") for number in range(count)]
    _write(root / "proc/stat", "\n".join(lines) + "\n" + rest)
    _write(root / "proc/net/softnet_stat", "".join(f"{'00015c73 ' * 12}{n:08x}\n" for n in range(count)))
    lines = [f"cpu{number} 0 0 0 0 0 0 2045936778163039 343796328169361 4767485306" for number in range(count)]
    _write(root / "proc/schedstat", "version 15\ntimestamp 15819019232\n" + "\n".join(lines) + "\n")
    for number in range(count):
        cpu = root / f"sys/devices/system/cpu/cpu{number}"
        for name, value in {"core_throttle_count": 3, "package_throttle_count": 4}.items():
            _write(cpu / "thermal_throttle" / name, f"{value}\n")
        _write(cpu / "topology/core_id", f"{number}\n")
        _write(cpu / "topology/physical_package_id", "0\n")
        frequencies = {"cpuinfo_cur_freq": 1699981, "cpuinfo_max_freq": 3700000, "cpuinfo_min_freq": 800000}
        frequencies |= {"scaling_cur_freq": 1699981, "scaling_max_freq": 3700000, "scaling_min_freq": 800000}
        texts = {"scaling_governor": "powersave", "scaling_driver": "intel_pstate", "scaling_setspeed": "<unsupported>"}
        texts |= {"scaling_available_governors": "performance powersave", "related_cpus": str(number)}
        for name, value in (frequencies | texts).items():
            _write(cpu / "cpufreq" / name, f"{value}\n")


def _disks(root, count):
    line = "8 {} {} 25354637 34367663 1003346126 18492372 28444756 11134226 505697032 63877960 0 9653880 82621804 0 0 0 0 1 2\n"
    names = [f"nvme{number}n1" for number in range(count)]
    _write(root / "proc/diskstats", "".join(line.format(number, name) for number, name in enumerate(names)))
    for number, name in enumerate(names):
        _write(
            root / f"udev/b8:{number}", f"S:disk/by-id/disk-{number}\nE:ID_MODEL=Fast\nE:ID_SERIAL_SHORT=S{number}\n"
        )
        _write(root / f"sys/block/{name}/queue/rotational", "0\n")


def _mounts(root, count):
    line = "{0} 1 8:{0} / /m/{0} rw,relatime shared:1 - ext4 /dev/nvme{0}n1 rw\n"
    _write(root / "proc/1/mountinfo", "".join(line.format(number) for number in range(count)))
    _write(root / "proc/1/mounts", "".join(f"/dev/nvme{n}n1 /m/{n} ext4 rw,relatime 0 0\n" for n in range(count)))
    for number in range(count):
        (root / f"m/{number}").mkdir(parents=True, exist_ok=True)


def remove(root):
    shutil.rmtree(root)
