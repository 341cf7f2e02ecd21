"""What stands in the way of reading /proc: processes that hang, hide, go, have odd names, or have very many threads."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.mounts import Namespace, SilentFuse
from harness.scrape import OPENMETRICS, strict
from harness.wait import until

PREFIX = "namedprocess_namegroup_"
STATES = f"{PREFIX}states"
PROCESSES = f"{PREFIX}num_procs"


def watching(*groups, **over):
    return {"collectors": {"processes": {"groups": list(groups), **over}}}


def group(name, **match):
    return {"name": name, "match": match}


@pytest.fixture
def start(request):
    """`start(command, …)` starts a process that is killed at the end, and waits for its first line."""

    def start(*command, **popen):
        child = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, **popen)

        def end():
            child.kill()
            child.wait()
            child.stdout.close()

        request.addfinalizer(end)
        child.stdout.readline()
        return child

    return start


def named(start, name, *arguments, body="signal.pause()"):
    """A process of this name, in bytes."""
    code = (
        f"import ctypes, os, signal, sys, threading, time\nlibc = ctypes.CDLL(None)\nlibc.prctl(15, {name!r})\n"
        f"print(flush=True)\n{body}"
    )
    return start(sys.executable, "-c", code, *arguments)


@pytest.fixture
def hung(start, tmp_path):
    """A process that waits for a file system which never answers, in the state D."""
    namespace = Namespace()
    mount = SilentFuse(namespace, tmp_path / "hung")
    code = (
        "import os, signal, sys\nsignal.signal(signal.SIGUSR1, lambda *_: None)\nprint(flush=True)\n"
        "os.statvfs(sys.argv[1])"
    )
    child = start(*namespace.wrapper, sys.executable, "-c", code, mount.path)
    until(lambda: mount.asked, "it asks")

    def waits():
        # The kernel lets it wait so that signals end the wait, until the first one has come.
        child.send_signal(subprocess.signal.SIGUSR1)
        return Path(f"/proc/{child.pid}/stat").read_text().rpartition(") ")[2].startswith("D")

    until(waits, "it waits in the state D")
    yield mount.path
    mount.answer()
    child.wait()
    namespace.close()
    mount.close()


def test_a_process_that_hangs_in_the_kernel_is_told_and_keeps_nobody_waiting(agent, hung):
    started = agent(watching(group("hung", cmdline=[f"statvfs.*{hung}"])))
    begun = time.monotonic()
    page = started.scrape()
    assert time.monotonic() - begun < 10
    assert page.value(STATES, groupname="hung", state="Waiting") == 1
    assert page.total(f"{PREFIX}threads_wchan", groupname="hung") == 1
    assert page.value("node_scrape_collector_success", collector="loadavg") == 1


def test_names_of_any_bytes_are_names(agent, start, tmp_path):
    mark = str(tmp_path / "odd")
    names = [b"a) S 1 (b", b'new\nline "x" \\', b"((((((", b"))))))", b"\xff\xfe\x80"]
    for name in names:
        named(start, name, mark)
    groups = [group(f"g{number}", comm=[name.decode()]) for number, name in enumerate(names[:4])]
    started = agent(watching(*groups, group("the-rest", cmdline=[mark])))
    page = started.scrape()
    counts = {one.labels["groupname"]: one.value for one in page.series(PROCESSES)}
    assert counts == {"g0": 1, "g1": 1, "g2": 1, "g3": 1, "the-rest": 1}
    assert errors(page)["procread_errors"] == 0


def test_threads_whose_names_are_any_bytes_do_not_spoil_the_page(agent, start, tmp_path):
    mark = str(tmp_path / "odd")
    names = [b"a) S 1 (b", b'new\nline "x" \\', b"\xff\xfe\x80", b"\xff\xfe\x81", b""]
    body = (
        f"def run(name):\n libc.prctl(15, name)\n time.sleep(600)\n"
        f"for name in {names!r}: threading.Thread(target=run, args=[name], daemon=True).start()\nsignal.pause()"
    )
    named(start, b"main", mark, body=body)
    started = agent(watching(group("odd", cmdline=[mark])))
    count = f"{PREFIX}thread_count"
    page = until(lambda: (page := started.scrape()).total(count) == 6 and page, "all threads are there")
    # A label without a value is none.
    found = {one.labels.get("threadname", ""): one.value for one in page.series(count)}
    # Names that are no text are told apart as far as text goes.
    assert found == {"main": 1, "a) S 1 (b": 1, 'new\nline "x" \\': 1, "\ufffd\ufffd\ufffd": 2, "": 1}
    families = strict(started.get("/metrics", headers={"accept": OPENMETRICS}).text)
    assert any(family.name == count for family in families)


def counted(page):
    """The page, if the groups are on it: on a busy machine the first look may take too long."""
    return page if page.series(PROCESSES) else None


@pytest.mark.timeout(300)
def test_ten_thousand_threads_have_a_bounded_number_of_series(agent, start, tmp_path):
    mark = str(tmp_path / "many")
    body = (
        "threading.stack_size(65536)\n"
        "def run(name):\n libc.prctl(15, name)\n time.sleep(600)\n"
        "for number in range(10000):\n"
        " threading.Thread(target=run, args=[b'worker-%d' % number], daemon=True).start()\n"
        "print(flush=True)\nsignal.pause()"
    )
    child = named(start, b"many", mark, body=body)
    child.stdout.readline()
    started = agent(watching(group("many", cmdline=[mark])))
    page = until(lambda: counted(started.scrape("/metrics?collect[]=namedprocess")), "all are there", 100)
    assert page.value(f"{PREFIX}num_threads", groupname="many") == 10001
    counts = {one.labels["threadname"]: one.value for one in page.series(f"{PREFIX}thread_count")}
    assert len(counts) == 201 and sum(counts.values()) == 10001
    assert counts["other"] == 10001 - 200
    # Who has gone leaves nothing behind but what was counted.
    child.kill()
    child.wait()
    until(lambda: started.value(PROCESSES, groupname="many") == 0, "it is gone")
    assert not started.scrape().series(f"{PREFIX}thread_count")


# As root, but with no more right to look into other processes than any user has.
PLAIN = ["setpriv", "--regid=65534", "--clear-groups", "--bounding-set=-sys_ptrace", "--inh-caps=-all"]


@pytest.fixture
def hiding(request, unstarted, tmp_path):
    """`hiding(hidepid, groups)` starts an agent without rights over a /proc that hides so much of others' processes."""
    namespace = Namespace()

    def make(hidepid, *groups):
        procfs = tmp_path / "proc"
        procfs.mkdir()
        namespace.mount("proc", procfs, "proc", f"hidepid={hidepid}")
        config = watching(*groups)
        config["collectors"]["system"] = {"procfs": str(procfs)}
        made = unstarted(config)
        made.wrapped_in = [*namespace.wrapper, *PLAIN]
        request.addfinalizer(made.stop)
        return made.start()

    request.addfinalizer(namespace.close)
    return make


@pytest.fixture
def two(start, tmp_path):
    """A process that the agent may look into, and one that it may not; the groups of both."""
    groups = []
    for name, rights in {"own": PLAIN, "others": []}.items():
        mark = f"{tmp_path}/{name}"
        start(*rights, sys.executable, "-c", "import signal\nprint(flush=True)\nsignal.pause()", mark)
        groups.append(group(name, cmdline=[mark]))
    return groups


def errors(page):
    """What could not be read so far."""
    names = ("errors", "procread_errors", "partial_errors")
    return {name: page.value(f"namedprocess_scrape_{name}_total") for name in names}  # as the parser calls them


def test_processes_that_are_invisible_are_not_there_and_nothing_fails(hiding, two):
    started = hiding(2, *two)
    page = started.scrape()
    assert {one.labels["groupname"]: one.value for one in page.series(PROCESSES)} == {"own": 1, "others": 0}
    assert errors(page) == {"errors": 0, "procread_errors": 0, "partial_errors": 0}
    assert page.value("node_scrape_collector_success", collector="processes") == 1
    assert "WARN" not in started.log and "ERROR" not in started.log


def test_processes_that_show_nothing_but_their_pid_are_counted_as_unreadable(hiding, two):
    started = hiding(1, *two)
    page = started.scrape()
    assert {one.labels["groupname"]: one.value for one in page.series(PROCESSES)} == {"own": 1, "others": 0}
    assert errors(page)["errors"] == 0
    before = errors(page)["procread_errors"]
    assert before > 0
    until(lambda: errors(started.scrape())["procread_errors"] > before, "each look counts them again")
    assert page.value("node_scrape_collector_success", collector="processes") == 1


def test_files_that_may_not_be_read_are_counted_and_the_rest_is_told(hiding, two):
    started = hiding(0, *two)
    page = started.scrape()
    assert {one.labels["groupname"]: one.value for one in page.series(PROCESSES)} == {"own": 1, "others": 1}
    assert errors(page)["procread_errors"] == 0
    before = errors(page)["partial_errors"]
    assert before > 0
    page = until(lambda: errors(page := started.scrape())["partial_errors"] > before and page, "it is counted again")
    # One process at each look, and of it what everybody may see.
    assert page.value(STATES, groupname="others", state="Sleeping") == 1
    assert page.value(f"{PREFIX}memory_bytes", groupname="others", memtype="resident") > 1 << 20
    assert page.value(f"{PREFIX}write_bytes_total", groupname="others") == 0


def test_processes_that_go_while_they_are_read_are_no_errors(agent, start, tmp_path):
    mark = str(tmp_path / "brief")
    # A storm: hardly one of them is still there when its turn comes.
    code = (
        "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nprint(flush=True)\n"
        "while True:\n for _ in range(30):\n  if os.fork() == 0: os._exit(0)"
    )
    start(sys.executable, "-c", code, mark)
    started = agent(watching(group("brief", cmdline=[mark])))
    seen = []

    def looked():
        page = started.scrape("/metrics?collect[]=namedprocess")
        seen.append(page.value(PROCESSES, groupname="brief"))
        assert errors(page)["errors"] == 0
        assert errors(page)["procread_errors"] == 0
        return len(seen) > 100 and max(seen) > 1

    until(looked, "it was looked at often, and once in the storm", timeout=60, every=0.05)
    assert min(seen) >= 1
