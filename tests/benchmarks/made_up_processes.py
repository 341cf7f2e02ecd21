"""A tree that stands in for /proc with many processes, as the kernel writes them: what both rivals read of a process."""

import os
from pathlib import Path

STAT = (
    "{pid} ({comm}) S 1 {pid} {pid} 0 -1 4194304 350 120 2 0 41 17 3 5 20 0 1 0 {start} 5799936 412 18446744073709551615 "
    "94000000000000 94000000020000 140730000000000 0 0 0 0 0 0 1 0 0 17 1 0 0 0 0 0 94000000030000 94000000040000 "
    "94000000050000 140730000001000 140730000001015 140730000001015 140730000002000 0\n"
)
STATUS = """Name:\t{comm}\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t{pid}\nNgid:\t0\nPid:\t{pid}\nPPid:\t1\nTracerPid:\t0
Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nFDSize:\t64\nGroups:\t1000 \nNStgid:\t{pid}\nNSpid:\t{pid}
NSpgid:\t{pid}\nNSsid:\t{pid}\nVmPeak:\t    5664 kB\nVmSize:\t    5664 kB\nVmLck:\t       0 kB\nVmPin:\t       0 kB
VmHWM:\t    1648 kB\nVmRSS:\t    1648 kB\nRssAnon:\t     100 kB\nRssFile:\t    1548 kB\nRssShmem:\t       0 kB
VmData:\t     360 kB\nVmStk:\t     132 kB\nVmExe:\t      20 kB\nVmLib:\t    1524 kB\nVmPTE:\t      52 kB\nVmSwap:\t       0 kB
HugetlbPages:\t       0 kB\nCoreDumping:\t0\nTHP_enabled:\t1\nThreads:\t1\nSigQ:\t0/96365\nSigPnd:\t0000000000000000
ShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000
CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff
CapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\nSpeculation_Store_Bypass:\tvulnerable
Cpus_allowed:\t3\nCpus_allowed_list:\t0-1\nMems_allowed:\t00000001\nMems_allowed_list:\t0
voluntary_ctxt_switches:\t1204\nnonvoluntary_ctxt_switches:\t31
"""
IO = """rchar: 3804\nwchar: 220\nsyscr: 9\nsyscw: 2\nread_bytes: 8192\nwrite_bytes: 4096\ncancelled_write_bytes: 0\n"""
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max file size             unlimited            unlimited            bytes
Max data size             unlimited            unlimited            bytes
Max stack size            8388608              unlimited            bytes
Max core file size        0                    unlimited            bytes
Max resident set          unlimited            unlimited            bytes
Max processes             96365                96365                processes
Max open files            1024                 524288               files
Max locked memory         3155468288           3155468288           bytes
Max address space         unlimited            unlimited            bytes
Max file locks            unlimited            unlimited            locks
Max pending signals       96365                96365                signals
Max msgqueue size         819200               819200               bytes
Max nice priority         0                    0
Max realtime priority     0                    0
Max realtime timeout      unlimited            unlimited            us
"""


def make(root, count, members):
    """Writes the tree: so many processes, of which so many are called `member` and the others `idler`."""
    root = Path(root)
    (root / "self").mkdir(parents=True)
    for name in ("stat", "meminfo", "loadavg", "uptime", "version", "sys/kernel/pid_max", "sys/kernel/threads-max"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(Path("/proc", name).read_bytes())
    # What is the same for all is one file, so that the tree has room in memory.
    same = root / ".same"
    same.mkdir()
    for name, content in {"io": IO, "limits": LIMITS, "wchan": "hrtimer_nanosleep"}.items():
        (same / name).write_text(content)
    for name in ("idler", "member"):
        (same / name).write_bytes(f"/usr/bin/{name}\0--wait\0infinity\0".encode())
    for number in range(count):
        comm = "member" if number * members // count != (number + 1) * members // count else "idler"
        _process(root, same, 100 + number, comm)


def _process(root, same, pid, comm):
    directory = f"{root}/{pid}"
    os.makedirs(f"{directory}/task/{pid}")
    os.mkdir(f"{directory}/fd")
    for number in range(3):
        os.symlink("/dev/null", f"{directory}/fd/{number}")
    os.link(same / comm, f"{directory}/cmdline")
    for name, content in {"stat": STAT, "status": STATUS}.items():
        with open(f"{directory}/{name}", "w") as file:
            file.write(content.format(pid=pid, comm=comm, start=4000 + pid))
        os.link(f"{directory}/{name}", f"{directory}/task/{pid}/{name}")
    for name in ("io", "limits", "wchan"):
        os.link(same / name, f"{directory}/{name}")
        os.link(same / name, f"{directory}/task/{pid}/{name}")
