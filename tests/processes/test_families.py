"""Groups of parents and their children: what lives between two looks is counted, nothing twice, and nothing goes back."""

import os
import shutil
import threading
import time

import pytest
from harness.program import Program
from harness.wait import until

CPU = "namedprocess_namegroup_cpu_seconds_total"
FAULTS = "namedprocess_namegroup_minor_page_faults_total"
PROCESSES = "namedprocess_namegroup_num_procs"
STATES = "namedprocess_namegroup_states"
# It computes for some milliseconds and is gone after a tenth of a second.
BRIEF = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done; read -t 1 x || sleep 0.05"


@pytest.fixture
def parent(request, tmp_path):
    """A program that has children as it is told, see harness/programs/parent.py."""
    made = Program(tmp_path / "parent", "parent")
    request.addfinalizer(made.stop)
    return made


@pytest.fixture
def rule(tmp_path):
    """The group of the parent; its children run other programs."""
    return {"name": "family", "match": {"cmdline": [f"harness.programs.parent.*{tmp_path}"]}}


def watching(*groups):
    return {"collectors": {"processes": {"groups": list(groups)}}}


class Watched:
    """Scrapes without end while it is entered, and checks that no counter goes back; `last` is the newest page."""

    def __init__(self, agent, every=0.2):
        self.agent, self.every = agent, every
        self.scrapes, self.failed, self.last = 0, None, None
        self._before, self._end = {}, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        assert not self.failed, self.failed

    def look(self):
        page = self.agent.scrape("/metrics?collect[]=namedprocess")
        for sample in page.samples:
            if sample.name.startswith("namedprocess_namegroup_") and sample.name.endswith("_total"):
                key = sample.name, frozenset(sample.labels.items())
                if sample.value < self._before.get(key, 0):
                    self.failed = f"{key} went from {self._before[key]} to {sample.value}"
                self._before[key] = sample.value
        self.scrapes, self.last = self.scrapes + 1, page
        return page

    def _run(self):
        while not self._end.wait(self.every):
            try:
                self.look()
            except Exception as error:
                self.failed = error
                return


def told(parent, **command):
    """Has the parent do it; what it and its children have used by then."""
    parent.tell(**command)
    return parent.recorded("used")[-1]


def settled(agent, of):
    """The newest value: what is younger than a second is served again."""
    values = [of(agent.scrape())]

    def stands():
        values.append(of(agent.scrape()))
        return len(values) > 6 and len(set(values[-6:])) == 1

    until(stands, "it stands still", timeout=30, every=0.3)
    return values[-1]


def test_what_ten_thousand_short_processes_use_is_counted_as_their_parents(agent, parent, rule):
    started = agent(watching(rule))
    settled(started, lambda page: page.value(PROCESSES, groupname="family"))
    before = told(parent, burn=0)
    counted = {
        what: settled(started, lambda page, what=what: page.total(what, groupname="family")) for what in (CPU, FAULTS)
    }
    resident, cpu, began = memory(started), cpu_of(started), time.monotonic()
    with Watched(started) as watched:
        for _ in range(20):
            after = told(parent, spawn=500, argv=["/bin/true"])
    took, own = time.monotonic() - began, cpu_of(started) - cpu
    assert watched.scrapes > took, "it was looked at all the while"
    used = after["seconds"] - before["seconds"]
    now = settled(started, lambda page: page.total(CPU, groupname="family")) - counted[CPU]
    assert abs(now - used) <= 0.05 + 0.02 * used, (now, used)
    faults = settled(started, lambda page: page.total(FAULTS, groupname="family")) - counted[FAULTS]
    assert abs(faults - (after["faults"] - before["faults"])) <= 0.02 * faults
    # Nothing is kept of those that have gone, and looking costs what it costs by the number of looks.
    assert memory(started) < resident + (8 << 20)
    assert own < 0.3 * took, (own, took)


def cpu_of(agent):
    return time.clock_gettime(~agent.process.pid << 3 | 2)  # clock_getcpuclockid(3)


def memory(agent):
    with open(f"/proc/{agent.process.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_children_that_were_seen_alive_are_not_counted_twice(agent, parent, rule, tmp_path):
    started = agent(watching(rule))
    settled(started, lambda page: page.value(PROCESSES, groupname="family"))
    before = told(parent, burn=0)
    counted = settled(started, lambda page: page.total(CPU, groupname="family"))
    code = "import time\nend = time.process_time() + 0.7\nwhile time.process_time() < end: pass\ntime.sleep(0.5)"
    with Watched(started, every=0.1) as watched:
        seen = threading.Event()

        def look():
            while watched.last.value(PROCESSES, groupname="family") < 2:
                time.sleep(0.01)
            seen.set()

        threading.Thread(target=look, daemon=True).start()
        after = told(parent, spawn=4, argv=["/usr/bin/python3", "-c", code])
        assert seen.wait(1), "no child was seen while it lived"
    used = after["seconds"] - before["seconds"]
    now = settled(started, lambda page: page.total(CPU, groupname="family")) - counted
    assert used >= 2.8 and abs(now - used) <= 0.1, (now, used)


def test_a_group_that_does_without_children_has_nothing_of_what_they_use(agent, parent, rule):
    started = agent(watching(rule | {"children": False}))
    settled(started, lambda page: page.value(PROCESSES, groupname="family"))
    counted = settled(started, lambda page: page.total(CPU, groupname="family"))
    code = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass"
    told(parent, spawn=2, argv=["/usr/bin/python3", "-c", code])
    now = settled(started, lambda page: page.total(CPU, groupname="family")) - counted
    assert now < 0.5, now


def test_a_program_that_restarts_every_100_ms_is_there_or_not_and_all_it_uses_is_counted(agent, parent, rule, tmp_path):
    flapper = tmp_path / "vigie-flapper"
    shutil.copy("/bin/sh", flapper)
    started = agent(watching({"name": "flapper", "match": {"comm": ["vigie-flapper"]}}, rule))
    settled(started, lambda page: page.value(PROCESSES, groupname="family"))
    before = told(parent, burn=0)
    both = lambda page: page.total(CPU)  # noqa: E731
    counted = settled(started, both)
    counts = set()
    with Watched(started, every=0.1) as watched:
        told(parent, flap=True, every=0.1, argv=[str(flapper), "-c", BRIEF])

        def has_come_and_gone():
            counts.add(watched.last.value(PROCESSES, groupname="flapper"))
            return len(counts) > 1 and watched.scrapes > 80

        until(has_come_and_gone, "it was seen, and was seen not to be there", timeout=60)
        after = told(parent, rest=True)
    # A child of its own, which sleeps, may be there beside it.
    assert counts <= {0, 1, 2}, counts
    used = after["seconds"] - before["seconds"]
    now = settled(started, both) - counted
    assert abs(now - used) <= 0.1 + 0.02 * used, (now, used)


def test_zombies_are_counted_until_they_are_waited_for(agent, parent, rule):
    started = agent(watching(rule))

    def zombies():
        return started.value(STATES, groupname="family", state="Zombie")

    told(parent, zombies=25)
    until(lambda: zombies() == 25, "the zombies are there")
    page = started.scrape()
    assert page.value(PROCESSES, groupname="family") == 26
    # A zombie has no files, no memory and nothing else; that is nothing that could not be read.
    told(parent, reap=True)
    until(lambda: zombies() == 0, "they are gone")
    until(lambda: started.value(PROCESSES, groupname="family") == 1, "the parent is left")
