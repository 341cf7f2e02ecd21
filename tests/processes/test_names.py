"""Who belongs to which group: process-exporter's own file beside Debian's process-exporter, and our own conditions."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from harness.exporters import process_exporter
from harness.ports import free_port
from harness.wait import until

COUNT = "namedprocess_namegroup_num_procs"

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")


class Programs:
    """Real processes, each a copy of a program under a name of its own, until the test ends."""

    def __init__(self, directory):
        self.directory = Path(directory)
        # Other users execute what is in it, too.
        self.directory.chmod(0o755)
        self._started = {}

    def path(self, name, program="sleep"):
        path = self.directory / name
        if not path.exists():
            shutil.copy(shutil.which(program), path)
        return path

    def sleep(self, name, *args, argv0=None, before=(), count=1):
        """Starts copies of sleep(1); returns the PID of the last."""
        path = self.path(name)
        for _ in range(count):
            command = [*before, argv0 or path, "600", *args]
            child = self.start(*command, executable=None if before else path)
        return child.pid

    def start(self, *command, **popen):
        child = subprocess.Popen([str(part) for part in command], start_new_session=True, **popen)
        self._started[child.pid] = child
        return child

    def end(self, pid):
        """With its children."""
        child = self._started.pop(pid)
        os.killpg(pid, signal.SIGKILL)
        child.wait()

    def end_all(self):
        for pid in list(self._started):
            self.end(pid)


@pytest.fixture
def programs():
    with tempfile.TemporaryDirectory(prefix="vigie-names-") as directory:
        started = Programs(directory)
        yield started
        started.end_all()


def by_rules(rules, tmp_path, **section):
    """A configuration that names a file with these rules, which is written."""
    path = tmp_path / "process-exporter.yml"
    text = rules if isinstance(rules, str) else yaml.safe_dump({"process_names": rules}, sort_keys=False)
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
    return {"collectors": {"processes": {"process_names": str(path)} | section}}


def by_groups(**matches):
    groups = [{"name": name, "match": match} for name, match in matches.items()]
    return {"collectors": {"processes": {"groups": groups}}}


def counts(page):
    return {sample.labels["groupname"]: sample.value for sample in page.series(COUNT)}


# process-exporter's file


def side_by_side(agent, tmp_path, rules):
    """The groups with processes of process-exporter and of the agent, by the same file."""
    config = by_rules(rules, tmp_path)
    file = config["collectors"]["processes"]["process_names"]
    exporter = process_exporter(tmp_path / "process_exporter", f"-config.path={file}")
    try:
        theirs = counts(exporter.scrape())
    finally:
        exporter.stop()
    return theirs, {name: count for name, count in counts(agent(config).scrape()).items() if count}


def test_the_same_file_makes_the_same_groups_as_process_exporter(agent, programs, tmp_path):
    own = str(programs.directory)
    programs.sleep("by-comm", count=2)
    programs.sleep("by-exe")
    programs.sleep("by-path")
    programs.sleep("fields", "0.25")
    programs.sleep("times", count=2)
    programs.sleep("titled", argv0="titled: master process /x/y z")
    programs.sleep("nested", argv0="-login")
    programs.sleep("matches", "0.125", "7")
    programs.sleep("everything", "1")
    programs.sleep("unmatched")
    rules = f"""
# What a person wrote, with an anchor and all.
process_names:
  - comm: [by-comm, nothing-of-that-name]
  - exe: &exe
      - by-exe
  - name: "path {{{{.ExeFull}}}}"
    exe:
      - {own}/by-path
      - /elsewhere/by-exe
  - name: "{{{{.Comm}}}}:{{{{.ExeBase}}}}:{{{{.Username}}}}:{{{{.PID}}}}"
    comm: [fields]
    cmdline: ['0\\.25$']
  - name: "since {{{{.StartTime}}}} in {{{{.Cgroups}}}}"
    comm: [times]
  - comm: [titled]
  - name: '{{{{- /* trimmed */ -}}}} {{{{ .ExeFull }}}}'
    comm: [nested]
  - name: '{{{{.Matches.Name}}}}/{{{{index .Matches "Half"}}}}/{{{{.Matches}}}}'
    cmdline:
      - {own}/(?P<Name>match\\w+)\\s600
      - ' (?P<Half>\\d\\.\\d+) (\\d)\\b'
  - cmdline: ['{own}/\\Qevery\\E']
"""
    theirs, ours = side_by_side(agent, tmp_path, rules)
    # Two that start within a hundredth of a second have one group.
    assert len(theirs) in (9, 10), theirs
    assert ours == theirs


def test_everything_that_runs_is_named_alike(agent, programs, tmp_path):
    programs.sleep("one-of-many")
    theirs, ours = side_by_side(agent, tmp_path, [{"name": "{{.Comm}}", "cmdline": [".+"]}])
    # What the tests beside this one start comes and goes; what the machine runs all the time stays.
    lasting = {Path(f"/proc/{pid}/comm").read_text().strip() for pid in (1, os.getpid())} | {"one-of-many"}
    for name in lasting:
        assert theirs[name] and ours[name], name
    assert ours["one-of-many"] == theirs["one-of-many"] == 1


@ROOT_ONLY
def test_groups_by_user_are_those_of_process_exporter(agent, programs, tmp_path):
    programs.sleep("of-users")
    programs.sleep("of-users", before=["setpriv", "--reuid=nobody", "--clear-groups"])
    programs.sleep("of-users", before=["setpriv", "--reuid=54321", "--clear-groups"])
    until(lambda: len(owners("of-users")) == 3, "all run")
    theirs, ours = side_by_side(agent, tmp_path, [{"name": "{{.Username}}", "comm": ["of-users"]}])
    assert ours == theirs == {"root": 1, "nobody": 1, "54321": 1}


def owners(comm):
    """Whose the processes of a name are."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "comm").read_text().strip() == comm:
                found.append(process.stat().st_uid)
        except OSError:
            pass
    return found


def test_what_matches_a_group_of_ours_is_there_first_and_a_group_that_was_seen_stays(agent, programs, tmp_path):
    pids = [programs.sleep("both-ways"), programs.sleep("only-theirs")]
    config = by_rules(
        [{"name": "x {{.Comm}}", "comm": ["both-ways", "only-theirs"]}, {"comm": ["none"], "name": "none"}], tmp_path
    )
    config["collectors"]["processes"]["groups"] = [{"name": "ours", "match": {"comm": ["both-ways"]}}]
    started = agent(config)
    assert counts(started.scrape()) == {"ours": 1, "x only-theirs": 1, "none": 0}
    for pid in pids:
        programs.end(pid)
    until(lambda: counts(started.scrape()) == {"ours": 0, "x only-theirs": 0, "none": 0}, "both are empty and stay")


def test_groups_that_templates_make_are_bounded_and_the_rest_is_counted(agent, programs, tmp_path):
    programs.sleep("each-its-own", count=5)
    config = by_rules([{"name": "{{.PID}}", "comm": ["each-its-own"]}], tmp_path, max_groups=2)
    started = agent(config)
    page = started.scrape()
    assert list(counts(page).values()) == [1, 1]
    assert page.value("vigie_process_groups_left_out_total") >= 3
    started.scrape()
    assert started.log.count("max_groups") == 1


def test_a_file_that_changes_is_read_again_and_one_with_mistakes_changes_nothing(agent, programs, tmp_path):
    programs.sleep("changing")
    rule = {"name": "before", "comm": ["changing"]}
    started = agent(by_rules([rule], tmp_path))
    assert counts(started.scrape()) == {"before": 1}
    by_rules([rule | {"name": "{{.Nothing}}"}], tmp_path)
    until(lambda: "no field `.Nothing`" in started.log, "the mistake is told")
    assert counts(started.scrape()) == {"before": 1}
    by_rules([rule | {"name": "after"}], tmp_path)
    until(lambda: counts(started.scrape()) == {"after": 1}, "it has been read again")


# Conditions of ours


@ROOT_ONLY
def test_a_user_is_known_by_name_and_by_number(agent, programs):
    programs.sleep("of-nobody", before=["setpriv", "--reuid=nobody", "--clear-groups"])
    programs.sleep("of-a-number", before=["setpriv", "--reuid=54322", "--clear-groups"])
    programs.sleep("of-nobody")
    until(lambda: len(owners("of-nobody")) == 2 and len(owners("of-a-number")) == 1, "all run")
    config = by_groups(
        name={"user": ["nobody", "no-such-user"], "comm": ["of-nobody"]},
        number={"user": ["54322"]},
        root={"user": ["0"], "comm": ["of-nobody"]},
    )
    assert counts(agent(config).scrape()) == {"name": 1, "number": 1, "root": 1}


class Cgroup:
    """A cgroup in systemd's hierarchy, or that of version 2."""

    def __init__(self, path):
        roots = [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup")]
        root = next(root for root in roots if (root / "cgroup.procs").exists())
        self.path = path
        self._made = []
        for part in reversed([root / path, *(root / path).parents]):
            if not part.exists():
                part.mkdir()
                self._made.append(part)
        self._procs = root / path / "cgroup.procs"

    def add(self, pid):
        self._procs.write_text(str(pid))

    def remove(self):
        for part in reversed(self._made):
            until(lambda part=part: part.rmdir() or True, "the cgroup is empty")


@pytest.fixture
def cgroup(programs):
    made = []

    def make(path):
        try:
            made.append(Cgroup(path))
        except (OSError, StopIteration) as error:
            pytest.skip(f"no cgroups can be made: {error}")
        return made[-1]

    yield make
    programs.end_all()
    for group in reversed(made):
        group.remove()


def test_units_and_cgroups_are_those_that_a_process_is_in(agent, programs, cgroup):
    top = f"vigietest{os.getpid()}.slice"
    service, other = cgroup(f"{top}/vigie-shop@1.service/worker"), cgroup(f"{top}/vigie-job.service")
    service.add(programs.sleep("in-service"))
    service.add(programs.sleep("in-service"))
    other.add(programs.sleep("in-other"))
    config = by_groups(
        glob={"unit": ["vigie-shop@*"], "comm": ["in-service"], "cgroup": [f"/{top}"]},
        name={"unit": ["vigie-job"], "cgroup": [f"/{top}"]},
        slice={"unit": [top]},
    )
    assert counts(agent(config).scrape()) == {"glob": 2, "name": 1, "slice": 0}
    config = by_groups(
        deep={"cgroup": [f"/{top}/*/worker"]},
        elsewhere={"cgroup": [f"/{top}/vigie-jo"]},
        below={"cgroup": [f"/{top}"]},
    )
    assert counts(agent(config).scrape()) == {"deep": 2, "elsewhere": 0, "below": 1}


LISTENER = """
import os, socket, sys, time
kind = socket.SOCK_DGRAM if sys.argv[2] == "udp" else socket.SOCK_STREAM
family = socket.AF_INET6 if sys.argv[2] == "tcp6" else socket.AF_INET
listening = socket.socket(family, kind)
listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listening.bind(("::1" if sys.argv[2] == "tcp6" else "127.0.0.1", int(sys.argv[1])))
if sys.argv[2] != "udp":
    listening.listen()
for _ in range(int(sys.argv[3])):
    if os.fork() == 0:
        break
os.write(1, b"listens\\n")
time.sleep(600)
"""


def listener(programs, port, protocol, workers):
    """A program that listens, with workers that share its socket."""
    child = programs.start(sys.executable, "-c", LISTENER, port, protocol, workers, stdout=subprocess.PIPE)
    for _ in range(workers + 1):
        assert child.stdout.readline() == b"listens\n"
    return child


def test_all_who_share_a_listening_socket_are_found_by_its_port(agent, programs):
    tcp, tcp6, udp = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
    listener(programs, tcp, "tcp", 3)
    listener(programs, tcp6, "tcp6", 0)
    started = agent(by_groups(tcp={"port": [tcp]}, others={"port": [tcp6, udp]}))
    assert counts(started.scrape()) == {"tcp": 4, "others": 1}
    # One who connects does not listen.
    with socket.create_connection(("127.0.0.1", tcp)):
        assert counts(started.scrape())["tcp"] == 4
    listener(programs, udp, "udp", 1)
    until(lambda: counts(started.scrape()) == {"tcp": 4, "others": 3}, "the new one is found")


def test_a_port_goes_from_one_program_to_another(agent, programs):
    port = free_port()
    first = listener(programs, port, "tcp", 1)
    # It is there for long, and listens only later.
    code = (
        "import socket, sys, time; sys.stdin.readline(); s = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
        "print('listens', flush=True); time.sleep(600)"
    )
    second = programs.start(sys.executable, "-c", code, port, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    started = agent(by_groups(server={"port": [port]}))
    assert counts(started.scrape()) == {"server": 2}
    programs.end(first.pid)
    until(lambda: counts(started.scrape()) == {"server": 0}, "nobody listens")
    second.stdin.write(b"\n")
    second.stdin.flush()
    assert second.stdout.readline() == b"listens\n"
    until(lambda: counts(started.scrape()) == {"server": 1}, "the other one listens")


@ROOT_ONLY
def test_that_it_cannot_be_seen_who_listens_is_told_once(unstarted, programs):
    port = free_port()
    listener(programs, port, "tcp", 0)
    started = unstarted(by_groups(server={"port": [port]}))
    started.wrapped_in = ["setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-all"]
    started.start()
    assert counts(started.scrape()) == {"server": 0}
    until(lambda: f"who listens on port {port} is not known" in started.log, "it is told")
    started.scrape()
    assert started.log.count("is not known") == 1


def test_a_parent_is_known_by_its_name(agent, programs):
    shell = programs.path("vigie-boss", "bash")
    command = f"{programs.path('hand')} 600 & {programs.path('hand')} 600 & (exec {programs.path('helper')} 600) & wait"
    programs.start(shell, "-c", command)
    programs.sleep("hand")
    config = by_groups(hands={"parent": ["vigie-boss"], "comm": ["hand"]}, all={"parent": [str(shell)]})
    started = agent(config)
    until(lambda: counts(started.scrape()) == {"hands": 2, "all": 1}, "all run")


def test_children_follow_unless_they_are_not_to(agent, programs):
    shell = programs.path("vigie-leader", "bash")
    command = f"{programs.path('follower')} 600 & {programs.path('known')} 600 & wait"
    for _ in range(2):
        programs.start(shell, "-c", command)
    leaders = {"name": "leaders", "match": {"comm": ["vigie-leader"]}}
    known = {"name": "known", "match": {"comm": ["known"]}}
    config = {"collectors": {"processes": {"groups": [leaders, known]}}}
    started = agent(config)
    until(lambda: counts(started.scrape()) == {"leaders": 4, "known": 2}, "children belong to them")
    for children in ({"children": False}, {"groups": [leaders | {"children": False}, known]}):
        config = {"collectors": {"processes": {"groups": [leaders, known]} | children}}
        assert counts(agent(config).scrape()) == {"leaders": 2, "known": 2}


def test_a_pidfile_that_is_older_than_the_process_is_not_believed_and_that_is_told_once(agent, programs, tmp_path):
    file = tmp_path / "reused.pid"
    file.write_text(f"{programs.sleep('reused')}\n")
    past = file.stat().st_mtime - 3600
    os.utime(file, (past, past))
    started = agent(by_groups(reused={"pidfile": str(file)}))
    for _ in range(3):
        assert counts(started.scrape("/metrics?collect[]=namedprocess")) == {"reused": 0}
    assert started.log.count("reused.pid is older than process") == 1
    os.utime(file)
    until(lambda: counts(started.scrape()) == {"reused": 1}, "it was written again")


def test_rubbish_in_a_pidfile_is_told_once(agent, programs, tmp_path):
    file = tmp_path / "rubbish.pid"
    file.write_text("not a number\n")
    started = agent(by_groups(rubbish={"pidfile": str(file)}))
    for _ in range(3):
        assert counts(started.scrape()) == {"rubbish": 0}
    assert started.log.count("rubbish.pid does not begin with a PID") == 1
    file.write_text(f"{programs.sleep('in-order')}\n")
    until(lambda: counts(started.scrape()) == {"rubbish": 1}, "it is in order")
