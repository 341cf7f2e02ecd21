"""What containers use and may use, against the kernel's own files."""

import re
import sys

import pytest
from harness.container import Container
from harness.process import Process
from harness.prometheus import promtool_check_metrics
from harness.scrape import OPENMETRICS, strict
from harness.wait import until

MIB = 1 << 20

# Allocates, touches every page, says so and stays.
HOLD = "import sys, time; held = b'x' * (int(sys.argv[1]) << 20); print('held', flush=True); time.sleep(600)"
SPIN = "while True: pass"


@pytest.fixture
def container(request):
    """A function that makes containers and a finalizer that removes them all, after what runs in them."""

    def make(**limits):
        made = Container()
        request.addfinalizer(made.remove)
        made.limit(**limits)
        return made

    return make


@pytest.fixture
def run(request, tmp_path):
    """Runs Python in a container: `run(container, source, …)`."""
    running = []

    def start(container, source, *args):
        log = tmp_path / f"contained{len(running)}.log"
        process = Process([*container.command, sys.executable, "-c", source, *args], log)
        running.append(process)
        request.addfinalizer(process.stop)
        return process

    return start


def only(*containers):
    """A configuration that exposes these and none of other tests."""
    include = "|".join(container.id for container in containers)
    return {"collectors": {"system": {"container": {"include": include}}}}


def page(agent):
    return agent.scrape("/metrics?collect[]=container")


def fresh(agent, condition):
    """The first page that fulfils a condition: values younger than a second are used again."""
    return until(
        lambda: (lambda found: found if condition(found) else None)(page(agent)), "the page shows it", every=0.2
    )


def test_the_host_tells_of_a_container_by_its_id(agent, container, run):
    held = container(memory=64 * MIB)
    process = run(held, HOLD, "20")
    until(lambda: "held" in process.log, "memory is held")
    started = agent(only(held))
    found = page(started)
    labels = {"id": held.path}
    assert found.value("container_spec_memory_limit_bytes", **labels) == 64 * MIB
    usage = found.value("container_memory_usage_bytes", **labels)
    assert usage == pytest.approx(held.number("memory.current", "memory.usage_in_bytes"), rel=0.1)
    assert 20 * MIB <= found.value("container_memory_rss", **labels) <= usage
    assert found.value("container_memory_working_set_bytes", **labels) <= usage
    assert found.value("container_processes", **labels) == 1
    assert found.value("container_threads", **labels) == 1
    assert found.value("container_cpu_usage_seconds_total", cpu="total", **labels) > 0
    (info,) = found.series("vigie_container_info", runtime="docker", **labels)
    assert info.labels["name"] == held.id
    age = found.value("container_last_seen", **labels) - found.value("container_start_time_seconds", **labels)
    assert 0 <= age < 60


def test_a_container_that_is_killed_for_its_memory_is_counted(agent, container, run):
    small = container(memory=8 * MIB)
    idle = run(small, "import time; print('up', flush=True); time.sleep(600)")
    until(lambda: "up" in idle.log, "it runs")
    started = agent(only(small))
    assert page(started).value("container_oom_events_total", id=small.path) == 0
    assert run(small, HOLD, "64").wait() == -9
    found = fresh(started, lambda found: found.value("container_oom_events_total", id=small.path) > 0)
    assert found.value("container_oom_events_total", id=small.path) in (1, 2), "both may have been killed"
    # The parser adds what a counter's name should end with.
    assert found.value("container_memory_failcnt_total", id=small.path) > 0


def test_a_container_that_may_use_less_than_it_wants_is_throttled(agent, container, run):
    slow = container(cpu=0.1)
    run(slow, SPIN)
    started = agent(only(slow))

    def throttled(found):
        return found.value("container_cpu_cfs_throttled_periods_total", id=slow.path) >= 3

    found = fresh(started, lambda found: found.series("container_cpu_cfs_periods_total") and throttled(found))
    assert found.value("container_spec_cpu_quota", id=slow.path) == 10_000
    assert found.value("container_spec_cpu_period", id=slow.path) == 100_000
    assert found.value("container_cpu_cfs_throttled_seconds_total", id=slow.path) > 0
    usage = found.value("container_cpu_usage_seconds_total", id=slow.path)
    assert usage <= 0.1 * found.value("container_cpu_cfs_periods_total", id=slow.path) * 0.1 + 0.1


def test_pressure_is_that_of_the_container(agent, container, run):
    slow = container(cpu=0.1)
    if slow.file("cpu.pressure") is None:
        pytest.skip("the kernel measures no pressure of control groups")
    run(slow, SPIN)
    run(slow, SPIN)
    started = agent(only(slow))
    fresh(started, lambda found: found.value("container_pressure_cpu_waiting_seconds_total", id=slow.path) > 0)
    told = page(started).value("container_pressure_cpu_waiting_seconds_total", id=slow.path)
    total = re.search(r"some .*total=(\d+)", slow.file("cpu.pressure").read_text()).group(1)
    assert told <= int(total) / 1e6


def test_containers_come_and_go_with_their_control_groups(agent, container, run):
    first = container()
    process = run(first, HOLD, "1")
    second = Container()
    try:
        second.remove()
        started = agent(only(first, second))
        assert page(started).series("container_last_seen", id=first.path)
        process.stop()
        first.remove()
        fresh(started, lambda found: not found.series("container_last_seen", id=first.path))
        for directory in second.directories:
            directory.mkdir()
        fresh(started, lambda found: found.series("container_last_seen", id=second.path))
    finally:
        second.remove()
    assert started.scrape().value("node_scrape_collector_success", collector="container") == 1


def test_more_containers_than_the_bound_are_counted_not_shown(agent, container):
    three = [container() for _ in range(3)]
    config = only(*three)
    config["collectors"]["system"]["container"]["max"] = 2
    started = agent(config)
    found = page(started)
    assert len(found.series("container_last_seen")) == 2
    assert found.value("vigie_container_left_out") == 1
    assert "left_out=1" in started.log


def contained(agent, container, *namespaces, first=""):
    """Has the agent run in a container with what runtimes mount in it; `first` is a command that still sees the host."""
    mounts = "".join(f"mount --bind {directory} {directory.parent} && " for directory in container.directories)
    inside = ["unshare", "--mount", *namespaces, "sh", "-c", f'{first}{mounts}exec "$@"', "inside"]
    agent.wrapped_in = [*container.command, *inside]
    return agent.start()


@pytest.mark.parametrize("namespaces", [["--cgroup"], []], ids=["of-its-own", "of-the-host"])
def test_in_a_container_the_agent_tells_its_own(container, unstarted, namespaces):
    own = container(memory=256 * MIB, cpu=0.9)
    agent = contained(unstarted(), own, *namespaces)
    path = "/" if namespaces else own.path
    found = page(agent)
    assert {sample.labels["id"] for sample in found.series("container_last_seen")} == {path}
    assert found.value("container_spec_memory_limit_bytes", id=path) == 256 * MIB
    assert found.value("container_spec_cpu_quota", id=path) == 90_000
    assert found.value("container_processes", id=path) == 1
    assert found.value("container_oom_events_total", id=path) == 0

    def agrees(found):
        truth = own.number("memory.current", "memory.usage_in_bytes")
        return found.value("container_memory_usage_bytes", id=path) == pytest.approx(truth, rel=0.05)

    fresh(agent, agrees)
    fresh(agent, lambda found: found.value("container_cpu_cfs_periods_total", id=path) > 0)


def test_in_a_container_that_was_given_the_hosts_tree_the_agent_tells_all(container, unstarted, run, tmp_path):
    own, other = container(memory=256 * MIB), container(memory=64 * MIB)
    run(other, HOLD, "1")
    given = tmp_path / "sys"
    given.mkdir()
    agent = unstarted(only(own, other), args=["--path.sysfs", given])
    contained(agent, own, "--cgroup", first=f"mount --rbind /sys {given} && ")
    found = page(agent)
    assert {sample.labels["id"] for sample in found.series("container_last_seen")} == {own.path, other.path}
    assert found.value("container_spec_memory_limit_bytes", id=other.path) == 64 * MIB
    assert found.value("container_start_time_seconds", id=other.path) > 0


def test_the_page_of_containers_is_strictly_right(agent, container, run):
    held = container(memory=64 * MIB, cpu=0.5)
    process = run(held, HOLD, "1")
    until(lambda: "held" in process.log, "memory is held")
    started = agent(only(held))
    answer = started.get("/metrics?collect[]=container", headers={"Accept": OPENMETRICS})
    families = {family.name: family for family in strict(answer.text)}
    assert families["container_cpu_usage_seconds"].type == "counter"
    assert families["container_memory_working_set_bytes"].type == "gauge"
    complaints, _ = promtool_check_metrics(page(started).text)
    # cAdvisor's own name.
    assert {line.split()[0] for line in complaints.splitlines()} <= {"container_memory_failcnt"}, complaints
