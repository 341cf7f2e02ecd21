"""Sensitive files: every change is counted and told, with what the file was and what it is."""

import hashlib
import os
import subprocess

import pytest
from harness.sections import otlp
from harness.wait import holds, until

# So that what is found is found by the kernel's notifications.
NEVER = "1h"

CHANGES = "vigie_sensitive_file_changes_total"


def watching(receiver, *paths, interval="1s"):
    return {
        "collectors": {"watchdog": {"sensitive": {"paths": [str(path) for path in paths], "interval": interval}}},
        "exporters": {"otlp": [otlp(receiver)]},
    }


def told(receiver):
    """What was told of each file so far: (path, change), in the order of arrival."""
    return [(item.attributes["file.path"], item.attributes["vigie.file.change"]) for item in changes(receiver)]


def changes(receiver):
    return [item for item in receiver.logs if "vigie.file.change" in item.attributes]


def wait_told(receiver, *expected):
    """Waits until just these changes, in any order, have been told; returns their records."""
    wanted = sorted((str(path), change) for path, change in expected)
    until(lambda: len(told(receiver)) >= len(wanted), f"{wanted} are told")
    assert sorted(told(receiver)) == wanted
    return changes(receiver)


def looked(agent):
    """Waits until a look that begins after this call is over, so that what is there now is known."""
    name = "vigie_sensitive_files_last_look_timestamp_seconds"
    for _ in range(2):
        last = until(lambda: agent.value(name), "there was a look")
        until(lambda before=last: agent.value(name) > before, "another look is over")


def is_ready(agent, files):
    until(lambda: agent.value("vigie_sensitive_files") == files, f"{files} files are watched")
    looked(agent)


def is_counted(agent, path, change):
    until(lambda: agent.value(CHANGES, path=str(path), change=change) == 1, f"that {path} was {change} is counted")


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "etc" / "passwd"
    path.parent.mkdir()
    path.write_text("root:x:0:0\n")
    path.chmod(0o644)
    return path


def test_a_listed_file_has_its_series_at_zero_whether_it_is_there_or_not(agent, http_receiver, file, tmp_path):
    page = agent(watching(http_receiver, file, tmp_path / "nothing")).scrape()
    for path in (file, tmp_path / "nothing"):
        series = {sample.labels["change"]: sample.value for sample in page.series(CHANGES, path=str(path))}
        assert series == dict.fromkeys(["created", "changed", "deleted", "permissions", "owner"], 0)


def test_an_edit_is_told_at_once_with_what_was_and_what_is(agent, http_receiver, file):
    started = agent(watching(http_receiver, file, interval=NEVER))
    until(lambda: started.value("vigie_sensitive_files") == 1, "it is watched")
    subprocess.run(["sed", "-i", "s/root/toor/", file], check=True)
    (record,) = wait_told(http_receiver, (file, "changed"))
    stat = file.stat()
    assert record.raw.severity_text == "WARN"
    assert record.text == f"sensitive file {file} was changed"
    expected = {
        "vigie.file.before.sha256": sha256("root:x:0:0\n"),
        "file.sha256": sha256("toor:x:0:0\n"),
        "file.mode": "0644",
        "vigie.file.before.mode": "0644",
        "file.owner.id": str(os.getuid()),
        "file.inode": str(stat.st_ino),
        "file.size": stat.st_size,
        "vigie.file.replaced": True,
        "vigie.file.found_at_start": False,
    }
    assert {key: record.attributes[key] for key in expected} == expected
    assert record.attributes["file.modified"].endswith("Z")
    is_counted(started, file, "changed")


def test_permissions_and_owner_are_told_apart(agent, http_receiver, file):
    started = agent(watching(http_receiver, file))
    is_ready(started, 1)
    file.chmod(0o4755)
    (record,) = wait_told(http_receiver, (file, "permissions"))
    assert (record.attributes["vigie.file.before.mode"], record.attributes["file.mode"]) == ("0644", "4755")
    os.chown(file, 12345, 54321)
    # It also clears the set-user-id bit.
    records = wait_told(http_receiver, (file, "permissions"), (file, "permissions"), (file, "owner"))
    owner = next(record for record in records if record.attributes["vigie.file.change"] == "owner")
    assert (owner.attributes["file.owner.id"], owner.attributes["file.group.id"]) == ("12345", "54321")
    assert owner.attributes["vigie.file.before.owner.id"] == str(os.getuid())


def test_a_file_that_is_saved_by_renaming_has_changed_only_if_its_content_has(agent, http_receiver, file):
    started = agent(watching(http_receiver, file))
    is_ready(started, 1)
    for content in ("root:x:0:0\n", "other\n"):
        aside = file.with_suffix(".swp")
        aside.write_text(content)
        aside.chmod(0o644)
        aside.rename(file)
        looked(started)
    # Times alone are no change either.
    os.utime(file, (1, 1))
    looked(started)
    (record,) = wait_told(http_receiver, (file, "changed"))
    assert record.attributes["file.sha256"] == sha256("other\n")


def test_a_file_that_goes_and_comes_is_told_both_times(agent, http_receiver, file):
    started = agent(watching(http_receiver, file))
    is_ready(started, 1)
    file.unlink()
    (gone,) = wait_told(http_receiver, (file, "deleted"))
    assert gone.attributes["vigie.file.before.sha256"] == sha256("root:x:0:0\n")
    assert "file.mode" not in gone.attributes
    until(lambda: started.value("vigie_sensitive_files") == 0, "none is left")
    file.write_text("again\n")
    file.chmod(0o600)
    until(lambda: (str(file), "created") in told(http_receiver), "it is back")
    looked(started)
    # It was found before or after it got its permissions.
    assert {change for _, change in told(http_receiver)} <= {"deleted", "created", "changed", "permissions"}
    is_counted(started, file, "created")


def test_new_files_of_a_glob_and_of_a_directory_were_created(agent, http_receiver, tmp_path):
    for name in ("conf", "cron.d"):
        (tmp_path / name).mkdir()
    (tmp_path / "conf" / "old.conf").touch()
    started = agent(watching(http_receiver, tmp_path / "conf" / "*.conf", tmp_path / "cron.d", interval=NEVER))
    until(lambda: started.value("vigie_sensitive_files") == 2, "the file and the directory are watched")
    for name in ("conf/new.conf", "conf/ignored.txt", "cron.d/job"):
        (tmp_path / name).touch()
    wait_told(http_receiver, (tmp_path / "conf/new.conf", "created"), (tmp_path / "cron.d/job", "created"))
    is_counted(started, tmp_path / "cron.d/job", "created")
    (tmp_path / "cron.d/job").unlink()
    until(lambda: (str(tmp_path / "cron.d/job"), "deleted") in told(http_receiver), "it is gone")


def test_what_changes_while_the_agent_is_stopped_is_told_when_it_starts(agent, http_receiver, file, tmp_path):
    glob = tmp_path / "*.conf"
    (tmp_path / "b.conf").touch()
    started = agent(watching(http_receiver, file, glob))
    is_ready(started, 2)
    assert started.terminate() == 0
    file.write_text("other\n")
    (tmp_path / "b.conf").unlink()
    (tmp_path / "c.conf").touch()
    (tmp_path / "newly-listed").touch()
    started.configure(watching(http_receiver, file, glob, tmp_path / "newly-listed"))
    started.start()
    records = wait_told(
        http_receiver,
        (file, "changed"),
        (tmp_path / "b.conf", "deleted"),
        (tmp_path / "c.conf", "created"),
    )
    assert all(record.attributes["vigie.file.found_at_start"] for record in records)
    changed = next(record for record in records if record.attributes["vigie.file.change"] == "changed")
    assert changed.attributes["vigie.file.before.sha256"] == sha256("root:x:0:0\n")
    assert started.terminate() == 0
    started.start()
    is_ready(started, 3)
    assert len(told(http_receiver)) == 3, "it is told once"


def test_a_change_that_was_not_delivered_is_told_again_after_a_crash(agent, http_receiver, file):
    started = agent(watching(http_receiver, file))
    is_ready(started, 1)
    http_receiver.down()
    file.write_text("other\n")
    until(lambda: started.value(CHANGES, path=str(file), change="changed") == 1, "it is found")
    started.kill9()
    http_receiver.up()
    started.start()
    wait_told(http_receiver, (file, "changed"))


@pytest.mark.parametrize("damage", ["torn", "rubbish", "empty", "directory"])
def test_damaged_state_stops_nothing(agent, http_receiver, file, damage):
    started = agent(watching(http_receiver, file))
    is_ready(started, 1)
    started.kill9()
    for state in (started.state_dir / "watchdog").iterdir():
        content = state.read_bytes()
        state.unlink()
        if damage == "directory":
            state.mkdir()
        else:
            state.write_bytes({"torn": content[:-9], "rubbish": os.urandom(500), "empty": b""}[damage])
    started.start(ready=damage != "directory")
    is_ready(started, 1)
    file.write_text("other\n")
    wait_told(http_receiver, (file, "changed"))
    if damage == "directory":
        until(lambda: started.value("vigie_sensitive_save_failures_total") >= 1, "that it cannot save is counted")
        until(lambda: "save what sensitive files are like" in started.get("/-/ready").text, "and said")


def test_a_directory_that_cannot_be_read_is_told_once_and_its_files_are_not_gone(unstarted, http_receiver, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "key").write_text("secret\n")
    unreadable = tmp_path / "shadow"
    unreadable.write_text("root:*\n")
    unreadable.chmod(0o000)
    started = unstarted(watching(http_receiver, closed / "*", unreadable))
    # For root too, permissions hold then.
    started.wrapped_in = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
    started.start()
    is_ready(started, 2)
    assert started.value("vigie_sensitive_file_unreadable", path=str(unreadable)) == 1
    # Size and time tell even so.
    unreadable.write_text("root::\n")
    wait_told(http_receiver, (unreadable, "changed"))
    closed.chmod(0o000)
    until(lambda: started.value("vigie_sensitive_files_unreadable") == 3, "the directory and its file are unreadable")
    looked(started)
    closed.chmod(0o755)
    until(lambda: started.value("vigie_sensitive_files_unreadable") == 1, "they are readable again")
    looked(started)
    assert told(http_receiver) == [(str(unreadable), "changed")]
    assert started.log.count(f"sensitive file {closed / 'key'} cannot be read") == 1


def test_a_link_that_leads_elsewhere_has_changed(agent, http_receiver, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text("the same\n")
    link = tmp_path / "link"
    link.symlink_to("one")
    started = agent(watching(http_receiver, link))
    is_ready(started, 1)
    fresh = tmp_path / "link.new"
    fresh.symlink_to("two")
    fresh.rename(link)
    (record,) = wait_told(http_receiver, (link, "changed"))
    assert record.attributes["vigie.file.before.symbolic_link.target_path"] == "one"
    assert record.attributes["file.symbolic_link.target_path"] == "two"
    (tmp_path / "two").write_text("other\n")
    wait_told(http_receiver, (link, "changed"), (link, "changed"))


def test_what_the_kernel_does_not_tell_is_found_by_looking(agent, http_receiver, file, tmp_path):
    # A write through another name is told of in the directory of that name only.
    other = tmp_path / "other-name"
    os.link(file, other)
    started = agent(watching(http_receiver, file))
    is_ready(started, 1)
    other.write_text("by another name\n")
    wait_told(http_receiver, (file, "changed"))


def test_without_watches_left_files_are_looked_at(unstarted, http_receiver, file):
    started = unstarted(watching(http_receiver, file))
    limit = 'echo 0 > /proc/sys/user/max_inotify_watches && exec "$@"'
    started.wrapped_in = ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh"]
    started.start()
    is_ready(started, 1)
    assert started.value("vigie_sensitive_unwatched_directories") == 1
    file.write_text("other\n")
    wait_told(http_receiver, (file, "changed"))


def test_an_overflow_of_notifications_is_counted_and_hides_nothing(agent, http_receiver, file, tmp_path):
    started = agent(watching(http_receiver, file.parent / "*", interval=NEVER))
    until(lambda: started.value("vigie_sensitive_files") == 1, "it is watched")
    started.process.freeze()
    noise = [file.parent / f"noise{number}" for number in range(100)]
    # More than the kernel keeps (fs.inotify.max_queued_events, 16,384): it opens, writes and closes each time.
    for _ in range(60):
        for path in noise:
            path.write_text("x")
    for path in noise:
        path.unlink()
    file.write_text("other\n")
    started.process.thaw()
    wait_told(http_receiver, (file, "changed"))
    until(lambda: started.value("vigie_sensitive_watch_overflows_total") >= 1, "the overflow is counted")


def test_a_file_that_changes_twice_in_a_moment_ends_as_it_is(agent, http_receiver, file):
    started = agent(watching(http_receiver, file))
    is_ready(started, 1)
    for content in ("first_12\n", "second_2\n"):
        file.write_text(content)
    until(lambda: told(http_receiver), "it is told")
    looked(started)
    records = changes(http_receiver)
    assert records[-1].attributes["file.sha256"] == sha256("second_2\n")
    # Each begins where the one before ended.
    for before, after in zip(records, records[1:], strict=False):
        assert after.attributes["vigie.file.before.sha256"] == before.attributes["file.sha256"]


def test_a_thousand_files_in_one_directory_have_bounded_series_and_are_all_told(agent, http_receiver, tmp_path):
    directory = tmp_path / "many"
    directory.mkdir()
    files = [directory / f"{number:04}" for number in range(1000)]
    for path in files:
        path.write_text("before\n")
    started = agent(watching(http_receiver, directory / "*"))
    is_ready(started, 1000)
    for path in files:
        path.write_text("after\n")
    until(lambda: len(told(http_receiver)) >= 1000, "all are told", 30)
    looked(started)
    page = started.scrape()
    assert page.total(CHANGES, change="changed") == len(told(http_receiver))
    assert {path for path, _ in told(http_receiver)} == {str(path) for path in files}
    assert len({sample.labels["path"] for sample in page.series(CHANGES)}) == 101
    # Idle, a look is a question to the file system for each file: a thousandth of a second or a few.
    until(lambda: started.value("vigie_sensitive_files_look_seconds") < 0.2, "a look takes no time")


def test_a_read_only_directory_is_watched_and_never_written_to(agent, http_receiver, tmpfs, tmp_path):
    mounted = tmpfs(tmp_path / "read-only", size="1m")
    path = tmp_path / "read-only" / "file"
    path.write_text("before\n")
    mounted.read_only()
    started = agent(watching(http_receiver, tmp_path / "read-only"))
    is_ready(started, 2)
    mounted.writable()
    path.write_text("after\n")
    wait_told(http_receiver, (path, "changed"))


def test_a_reload_goes_on_where_it_was(agent, http_receiver, file, tmp_path):
    started = agent(watching(http_receiver, file))
    is_ready(started, 1)
    more = tmp_path / "more"
    more.touch()
    assert started.reload(watching(http_receiver, file, more)).status == 200
    is_ready(started, 2)
    file.write_text("other\n")
    wait_told(http_receiver, (file, "changed"))
    assert started.reload({}).status == 200
    until(lambda: not started.scrape().series("vigie_sensitive_files"), "nothing is watched any more")
    more.unlink()
    holds(lambda: len(told(http_receiver)) == 1, "nothing more is told", 1)
