"""Process groups beside Debian's process-exporter: the same names, labels, types, help and values of the same processes."""

import shutil
import subprocess
import sys

import pytest
from harness.program import Program
from harness.side_by_side_groups import Groups


@pytest.fixture
def groups(request, agent, tmp_path):
    """`groups(rule, …)` starts both, see harness/side_by_side_groups.py."""

    def start(*rules):
        made = Groups(tmp_path, agent, list(rules))
        request.addfinalizer(made.stop)
        return made

    return start


@pytest.fixture
def threads(request, tmp_path):
    """`threads(name, …)` starts a program with threads of these names, see harness/programs/threads.py."""

    def start(*names):
        made = Program(tmp_path / f"threads{len(names)}", "threads", threads=names)
        request.addfinalizer(made.stop)
        return made

    return start


@pytest.fixture
def start(request):
    """`start(command, …)` starts a process that is killed at the end."""

    def start(*command, **popen):
        child = subprocess.Popen([str(part) for part in command], **popen)

        def end():
            child.kill()
            child.wait()

        request.addfinalizer(end)
        return child

    return start


def test_of_processes_that_rest_both_say_the_same(groups, start, tmp_path):
    sleeper = tmp_path / "vigie-resting"
    shutil.copy("/bin/sleep", sleeper)
    # Before anybody looks: of one that is born between two looks, ours counts what it has used until the second as well.
    for seconds in ("600", "600", "700"):
        start(sleeper, seconds)
    both = groups(
        {"name": "by-comm", "comm": ["vigie-resting"], "cmdline": ["600"]},
        {"name": "by-exe", "exe": [str(sleeper)]},
        {"name": "nobody", "comm": ["vigie-nobody"]},
    )
    both.begin()
    assert both.alike("by-comm").value("namedprocess_namegroup_num_procs", groupname="by-comm") == 2
    assert both.alike("by-exe").value("namedprocess_namegroup_num_procs", groupname="by-exe") == 1


def test_of_threads_that_have_names_both_say_the_same(groups, threads, tmp_path):
    program = threads("alpha", "beta", "beta", "(gamma) delta")
    both = groups({"name": "it", "cmdline": [f"harness.programs.threads.*{tmp_path}"]})
    both.begin()
    for thread in range(4):
        program.tell(thread=thread, burn=0.1 * (thread + 1))
        program.tell(thread=thread, rest=20 * (thread + 1))
        program.tell(thread=thread, touch=100 * (thread + 1))
        program.tell(thread=thread, write=100_000 * (thread + 1), file=str(tmp_path / "written"))
    page = both.alike("it", threads=True)

    # What each thread was told to do is counted with the threads of its name, and with the group.
    def counted(name, **labels):
        return page.value(f"namedprocess_namegroup_{name}", groupname="it", **labels)

    def cpu(**labels):
        return page.total("namedprocess_namegroup_thread_cpu_seconds_total", groupname="it", **labels)

    # In ticks of 10 ms, which the kernel rounds down.
    assert 0.08 <= cpu(threadname="alpha") < 0.45 <= cpu(threadname="beta") < 1.5
    assert cpu() <= page.total("namedprocess_namegroup_cpu_seconds_total", groupname="it") + 0.05
    assert counted("thread_count", threadname="beta") == 2
    for name, many in {"alpha": 1, "beta": 5, "(gamma) delta": 4}.items():
        switches = counted("thread_context_switches_total", threadname=name, ctxswitchtype="voluntary")
        assert 20 * many <= switches < 40 * many + 40
        assert 100 * many <= counted("thread_minor_page_faults_total", threadname=name) < 200 * many + 100
        assert 100_000 * many <= counted("thread_io_bytes_total", threadname=name, iomode="write") < 130_000 * many
    assert counted("write_bytes_total") >= 1_000_000


def test_of_processes_in_every_state_both_say_the_same(groups, start, tmp_path):
    code = "import os, sys, time\nif os.fork() == 0: os._exit(0)\nprint(flush=True)\ntime.sleep(600)"
    zombie = start(sys.executable, "-c", code, f"{tmp_path}/zombie", stdout=subprocess.PIPE)
    shutil.copy("/bin/sleep", tmp_path / "vigie-stopped")
    stopped = start(tmp_path / "vigie-stopped", "600")
    zombie.stdout.readline()
    stopped.send_signal(subprocess.signal.SIGSTOP)
    both = groups(
        {"name": "zombie", "cmdline": [f"{tmp_path}/zombie"]},
        {"name": "stopped", "comm": ["vigie-stopped"]},
    )
    both.begin()
    states = "namedprocess_namegroup_states"
    page = both.alike("zombie")
    assert page.value(states, groupname="zombie", state="Zombie") == 1
    assert page.value(states, groupname="zombie", state="Sleeping") == 1
    assert both.alike("stopped").value(states, groupname="stopped", state="Other") == 1
