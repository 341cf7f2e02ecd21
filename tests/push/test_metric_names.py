"""The same values under Prometheus' names or under those of OpenTelemetry's conventions."""

import re
from collections import defaultdict

import pytest
from harness.agent import ROOT
from harness.otlp import kind, points
from harness.sections import otlp
from harness.wait import until

TABLES = ROOT / "exporters/src/otlp/metrics/semconv"

# name: kind, unit, keys of the attributes
EXPECTED = {
    "system.cpu.time": ("counter", "s", {"cpu.logical_number", "cpu.mode"}),
    "system.cpu.load_average.1m": ("gauge", "{thread}", set()),
    "system.uptime": ("gauge", "s", set()),
    "system.memory.usage": ("up_down", "By", {"system.memory.state"}),
    "system.memory.limit": ("up_down", "By", set()),
    "system.memory.utilization": ("gauge", "1", {"system.memory.state"}),
    "system.paging.faults": ("counter", "{fault}", {"system.paging.fault.type"}),
    "system.disk.io": ("counter", "By", {"system.device", "disk.io.direction"}),
    "system.disk.operations": ("counter", "{operation}", {"system.device", "disk.io.direction"}),
    "system.network.io": ("counter", "By", {"network.interface.name", "network.io.direction"}),
    "system.network.packet.count": ("counter", "{packet}", {"system.device", "network.io.direction"}),
    "system.network.errors": ("counter", "{error}", {"network.interface.name", "network.io.direction"}),
    "system.network.connection.count": ("up_down", "{connection}", {"network.transport", "network.connection.state"}),
    "system.filesystem.usage": (
        "up_down",
        "By",
        {
            "system.device",
            "system.filesystem.mode",
            "system.filesystem.mountpoint",
            "system.filesystem.state",
            "system.filesystem.type",
        },
    ),
    "system.process.count": ("up_down", "{process}", {"process.state"}),
    "system.process.created": ("counter", "{process}", set()),
    "process.cpu.time": ("counter", "s", {"groupname", "cpu.mode"}),
    "process.memory.usage": ("up_down", "By", {"groupname"}),
}

OWN_PROCESS = {"processes": {"groups": [{"name": "agent", "match": {"comm": ["vigie"]}}]}}

PROC = {
    "stat": "cpu  300 20 50 4000 7 11 13 0 0 0\n"
    "cpu0 100 20 30 2000 5 10 1 0 0 0\ncpu1 200 0 20 2000 2 1 12 0 0 0\n"
    "intr 5\nctxt 900\nbtime 1700000000\nprocesses 77\nprocs_running 1\nprocs_blocked 0\n",
    "meminfo": "MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 600 kB\nBuffers: 50 kB\nCached: 300 kB\n"
    "SwapTotal: 400 kB\nSwapFree: 300 kB\nSReclaimable: 20 kB\nSUnreclaim: 30 kB\n",
    "loadavg": "0.25 0.50 0.75 1/100 4242\n",
    "vmstat": "pgfault 1000\npgmajfault 40\npswpin 5\npswpout 6\n",
    "diskstats": "   8 0 sda 10 1 200 30 40 4 500 60 2 700 800\n",
    "sys/net/netfilter/nf_conntrack_count": "17\n",
    "sys/net/netfilter/nf_conntrack_max": "4096\n",
}
SYS = {
    "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1800000\n",
    "devices/system/cpu/cpu0/cpufreq/scaling_driver": "acpi-cpufreq\n",
    "devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
}
ID = "0123456789abcdef" * 4
CGROUPS = {
    "cgroup.controllers": "cpu io memory pids\n",
    "cgroup.stat": "nr_descendants 1\nnr_dying_descendants 0\n",
    f"docker/{ID}/cpu.stat": "usage_usec 3000000\nuser_usec 2000000\nsystem_usec 1000000\n",
    f"docker/{ID}/io.stat": "8:0 rbytes=4096 wbytes=512 rios=1 wios=1 dbytes=0 dios=0\n",
    f"docker/{ID}/memory.current": "1048576\n",
    f"docker/{ID}/memory.stat": "anon 400000\nfile 600000\ninactive_file 500000\nactive_file 100000\n",
    f"docker/{ID}/cgroup.procs": "12\n",
    f"docker/{ID}/cgroup.events": "populated 1\nfrozen 0\n",
}


def write(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return str(root)


@pytest.fixture
def exporting(agent, http_receiver):
    """`exporting(names, **collectors)` starts an agent that pushes its metrics every 200 ms."""

    def start(names=None, **collectors):
        named = {"metric_names": names} if names else {}
        section = otlp(http_receiver, signals=["metrics"], **named)
        config = {"collectors": collectors, "exporters": {"otlp": [section]}}
        return agent(config, env={"OTEL_METRIC_EXPORT_INTERVAL": "200"})

    return start


@pytest.fixture
def made_up(tmp_path):
    """A host with a container, that stands still."""
    cgroups = write(tmp_path / "cgroups", CGROUPS)
    own = {
        "self/cgroup": "0::/\n",
        "self/mountinfo": f"1 2 0:3 / {cgroups} rw - cgroup2 cgroup2 rw\n",
        "12/stat": "12 (sh) S 1 12 12 0 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 0 1 2",
    }
    write(tmp_path / "proc", own)
    (tmp_path / "proc/self/ns").mkdir()
    (tmp_path / "proc/self/ns/cgroup").symlink_to("cgroup:[4026531835]")
    sysfs = write(tmp_path / "sys", SYS)
    (tmp_path / "sys/dev/block").mkdir(parents=True)
    (tmp_path / "sys/dev/block/8:0").symlink_to("../../devices/block/sda")
    return {"system": {"procfs": write(tmp_path / "proc", PROC), "sysfs": sysfs}}


def latest(receiver):
    """The metrics of one whole export that begins after now, by name, and their points."""
    start = len(receiver.requests)
    first = until(lambda: receiver.requests[start:] and receiver.requests[start].items[0].name, "an export")

    def whole():
        # An export begins with the name that any other begins with.
        later = receiver.requests[start:]
        begins = [at for at, request in enumerate(later) if request.items[0].name == first]
        return len(begins) > 1 and [item.raw for request in later[: begins[1]] for item in request.items]

    found = defaultdict(dict)
    metrics = {}
    for metric in until(whole, "the next export"):
        metrics[metric.name] = metric
        if metric.WhichOneof("data") in ("gauge", "sum"):
            more = points(metric)
            assert not found[metric.name].keys() & more.keys()
            found[metric.name].update(more)
    return metrics, found


def at(**labels):
    return frozenset((key.replace("__", "."), value) for key, value in labels.items())


def state(prefix, value):
    return frozenset({(f"{prefix}.state", value)})


def test_names_kinds_units_and_attributes_are_those_of_the_conventions(exporting, http_receiver):
    exporting("otel", **OWN_PROCESS)
    metrics, found = latest(http_receiver)
    assert EXPECTED.keys() <= metrics.keys()
    for name, (instrument, unit, keys) in EXPECTED.items():
        assert (kind(metrics[name]), metrics[name].unit) == (instrument, unit), name
        for attributes in found[name]:
            assert {key for key, _ in attributes} == keys, name


def test_values_agree_with_those_of_a_scrape(exporting, http_receiver):
    running = exporting("otel", **OWN_PROCESS)
    before = running.scrape()
    _, found = latest(http_receiver)
    after = running.scrape()

    def between(name, *families):
        total = sum(found[name].values())
        bounds = [sum(page.total(family) for family in families) for page in (before, after)]
        assert found[name] and bounds[0] <= total <= bounds[1], name
        return total

    assert between("system.cpu.time", "node_cpu_seconds_total") > 0
    between("system.network.io", "node_network_receive_bytes_total", "node_network_transmit_bytes_total")
    between("system.disk.io", "node_disk_read_bytes_total", "node_disk_written_bytes_total")
    between("system.process.created", "node_forks_total")
    between("process.cpu.time", "namedprocess_namegroup_cpu_seconds_total")
    sizes = {
        (row.labels["device"], row.labels["mountpoint"]): row.value
        for row in after.series("node_filesystem_size_bytes")
    }
    used = defaultdict(int)
    for attributes, value in found["system.filesystem.usage"].items():
        place = dict(attributes)
        used[place["system.device"], place["system.filesystem.mountpoint"]] += value
    assert used == sizes
    assert sum(found["system.memory.limit"].values()) == after.value("node_memory_MemTotal_bytes")


def test_a_host_that_stands_still_is_told_exactly(exporting, http_receiver, made_up):
    exporting("otel", **made_up)
    metrics, found = latest(http_receiver)
    cpu = {(dict(key)["cpu.logical_number"], dict(key)["cpu.mode"]): v for key, v in found["system.cpu.time"].items()}
    assert cpu[0, "user"] == 1.0 and cpu[1, "user"] == 2.0
    assert cpu[0, "interrupt"] == 0.1 and cpu[1, "softirq"] == 0.12
    memory, share = "system.memory", found["system.memory.utilization"]
    usage = {dict(key)["system.memory.state"]: value for key, value in found["system.memory.usage"].items()}
    assert usage == {"used": 400 * 1024, "free": 100 * 1024, "buffers": 50 * 1024, "cached": 300 * 1024}
    assert share[state(memory, "used")] == 0.4
    assert found["system.paging.usage"][state("system.paging", "used")] == 100 * 1024
    assert found["system.paging.utilization"][state("system.paging", "free")] == 0.75
    assert found["system.paging.faults"][at(system__paging__fault__type="minor")] == 960
    assert found["system.disk.io"][at(system__device="sda", disk__io__direction="read")] == 200 * 512
    assert found["system.disk.operations"][at(system__device="sda", disk__io__direction="write")] == 40
    assert found["system.disk.io_time"][at(system__device="sda")] == pytest.approx(0.7)
    assert found["system.cpu.frequency"] == {at(cpu__logical_number=0): 1_800_000_000}
    assert found["system.network.conntrack.count"] == {at(): 17}
    container = {"container__id": ID, "id": f"/docker/{ID}"}
    assert found["container.cpu.time"][at(**container, cpu__mode="user")] == 2
    assert found["container.memory.usage"] == {at(**container): 1 << 20}
    assert found["container.memory.working_set"] == {at(**container): (1 << 20) - 500_000}
    read = at(**container, disk__io__direction="read", system__device="/dev/sda")
    assert found["container.disk.io"][read] == 4096
    # Whole numbers are sent as such, and seconds are not.
    assert metrics["system.disk.io"].sum.data_points[0].WhichOneof("value") == "as_int"
    assert metrics["system.cpu.time"].sum.data_points[0].WhichOneof("value") == "as_double"


def told(receiver):
    """Values by name and labels, of what is under Prometheus' names."""
    _, found = latest(receiver)
    return {(name, key): value for name, rows in found.items() for key, value in rows.items()}


def test_what_has_no_other_name_keeps_it_and_nothing_goes_out_under_both(exporting, http_receiver, made_up):
    running = exporting("otel", **made_up)
    scraped = {(row.name, frozenset(row.labels.items())): row.value for row in running.scrape().samples}
    pushed = told(http_receiver)
    for of_host, value in scraped.items():
        name, _ = of_host
        if name in ("node_context_switches_total", "node_procs_running", "node_memory_SwapCached_bytes"):
            assert pushed[of_host] == value
        if name.startswith(("node_cpu_seconds", "node_memory_Mem", "node_memory_Swap", "node_disk_read", "node_load")):
            assert of_host not in pushed
    assert ("node_context_switches_total", frozenset()) in pushed


@pytest.mark.parametrize("named", [None, "prometheus"])
def test_unless_asked_for_names_are_those_of_a_scrape(exporting, http_receiver, made_up, named):
    running = exporting(named, **made_up)
    scraped = running.scrape()
    metrics, found = latest(http_receiver)
    assert not [name for name in metrics if "." in name]
    for family in ("node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_disk_read_bytes_total", "node_load1"):
        rows = {frozenset(row.labels.items()): row.value for row in scraped.series(family)}
        assert rows and found[family] == rows
    assert kind(metrics["node_cpu_seconds_total"]) == "counter" and kind(metrics["node_load1"]) == "gauge"
    # A scrape has an `EOF` and what counts the scrape itself; all else of the host is in both.
    assert {name for name in scraped.families if name.startswith("node_")} <= metrics.keys()


def test_no_mapping_is_of_a_family_that_the_agent_does_not_have(agent, made_up):
    sources = set()
    for table in TABLES.glob("*.rs"):
        if table.name != "tests.rs":
            sources |= set(re.findall(r'"((?:node|namedprocess|container)_\w+)"', table.read_text()))
    assert len(sources) > 60
    here = agent({"collectors": OWN_PROCESS}).scrape()
    there = agent({"collectors": made_up}).scrape()
    assert sources - here.names() - there.names() == set()
