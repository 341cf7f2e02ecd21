"""When a job is missed, and what is known of jobs after a restart, a crash and damage."""

import re

import pytest
from harness.faketime import SteppedClock
from harness.jobs import ping, runs, section
from harness.sections import otlp
from harness.wait import holds, until

BACKUP = {"name": "backup", "every": "4s", "grace": "0"}


@pytest.fixture
def clock(tmp_path):
    return SteppedClock(tmp_path)


def overdue(agent, job="backup"):
    return agent.value("vigie_job_overdue", job=job) == 1


def test_a_job_that_stays_away_is_overdue_until_it_succeeds(agent, http_receiver):
    started = agent(section(BACKUP) | {"exporters": {"otlp": [otlp(http_receiver, signals=["logs"])]}})
    until(lambda: overdue(started), "it is missed")
    ping(started, "backup/1")
    assert overdue(started), "a failure is no success"
    ping(started, "backup")
    assert not overdue(started)
    until(lambda: overdue(started), "it is missed again")
    changes = until(
        lambda: (
            [item for item in http_receiver.logs if "vigie.job.overdue" in item.attributes][2:] and http_receiver.logs
        ),
        "the records of the changes",
    )
    texts = [item.text for item in changes]
    assert [text for text in texts if "overdue no longer" in text] == ["job backup is overdue no longer"]
    assert any("overdue since" in text and "it has never succeeded" in text for text in texts)
    assert any("overdue since" in text and "it last succeeded at" in text for text in texts)


def test_a_job_that_nobody_configured_brings_its_max_age(agent):
    started = agent(section())
    ping(started, "worker?max_age=1s")
    ping(started, "other")
    until(lambda: overdue(started, "worker"), "it is missed")
    assert not overdue(started, "other")


def test_a_job_is_missed_by_its_crontab_in_its_time_zone(agent, clock):
    # In UTC the clock shows 02:58 in January, in Paris 03:58; by the fake clock all of it takes a moment.
    nightly = {"name": "nightly", "cron": "0 4 * * *", "time_zone": "Europe/Paris", "grace": "10m"}
    clock.step("@2026-01-10 02:58:00")
    started = agent(section(nightly, listen="127.0.0.1:0"), env=clock.env | {"TZ": "UTC"})
    deadline = started.value("vigie_job_deadline_timestamp_seconds", job="nightly")
    assert deadline == 1768014600  # 2026-01-10T03:10:00Z
    holds(lambda: not overdue(started, "nightly"), "not before", 1.5)
    clock.step("@2026-01-10 03:09:00")
    holds(lambda: not overdue(started, "nightly"), "within its grace", 1.5)
    clock.step("@2026-01-10 03:11:00")
    until(lambda: overdue(started, "nightly"), "it is missed")
    ping(started, "nightly")
    assert not overdue(started, "nightly")
    assert started.value("vigie_job_deadline_timestamp_seconds", job="nightly") == deadline + 86400


def test_a_clock_that_is_set_back_hides_no_job(agent, clock):
    clock.step("+1y")
    started = agent(section(BACKUP), env=clock.env)
    ping(started, "backup")
    clock.step("+0")
    until(lambda: overdue(started), "it is missed though its success seems to be to come", 10)


def test_what_is_known_survives_a_kill_at_any_time(agent):
    started = agent(section({"name": "backup", "every": "1d"}))
    for number in range(1, 6):
        assert ping(started, "backup").text == "ok\n"
        assert ping(started, "other/3").text == "ok\n"
        assert ping(started, "other/start").text == "ok\n"
        last = started.value("vigie_job_last_success_timestamp_seconds", job="backup")
        # Whatever was answered is kept.
        started.restart()
        assert runs(started, "backup") == {"success": number}
        assert runs(started, "other")["failure"] == number
        assert started.value("vigie_job_running", job="other") == 1
        assert started.value("vigie_job_last_success_timestamp_seconds", job="backup") == last
    started.reload(section({"name": "other", "every": "1d"}))
    assert started.scrape().series("vigie_job_overdue", job="backup") == [], "taken out of the configuration"
    assert runs(started, "other")["failure"] == 5


@pytest.mark.parametrize("damage", ["empty", "torn", "zeroes", "flipped"])
def test_a_damaged_file_costs_one_check_in_and_never_the_start(agent, damage):
    started = agent(section())
    for _ in range(3):
        ping(started, "backup")
    started.kill9()
    file = started.state_dir / "jobs/state"
    whole = file.read_bytes()
    wrong = bytearray(whole)
    wrong[len(wrong) // 2] ^= 1
    file.write_bytes({"empty": b"", "torn": whole[:-9], "zeroes": bytes(len(whole)), "flipped": bytes(wrong)}[damage])
    started.start()
    assert runs(started, "backup")["success"] in (2, 3)
    assert "state: " in started.log
    ping(started, "backup")
    assert runs(started, "backup")["success"] in (3, 4)


def test_a_state_that_cannot_be_saved_is_told_to_everybody(agent, tmpfs, tmp_path):
    state = tmp_path / "full"
    tmpfs(state, size="256k")
    started = agent(section() | {"agent": {"state_dir": str(state)}})
    assert ping(started, "backup").text == "ok\n"
    filler = state / "filler"
    with open(filler, "wb", buffering=0) as out:
        try:
            while True:
                out.write(b"x" * 4096)
        except OSError:
            pass
    answer = ping(started, "backup")
    assert (answer.status, "cannot be saved" in answer.text) == (202, True)
    assert "save the state of jobs" in started.get("/-/ready").text
    until(lambda: started.value("vigie_job_save_failures_total") >= 1, "it is counted")
    filler.unlink()
    started.wait_ready()
    started.restart()
    assert runs(started, "backup") == {"success": 2}


def test_the_log_names_no_job_twice_for_one_change(agent):
    started = agent(section(BACKUP))
    until(lambda: overdue(started), "it is missed")
    holds(lambda: overdue(started), "it stays so", 2)
    started.restart()
    until(lambda: overdue(started), "it still is")
    assert len(re.findall("is overdue since", started.log_file.read_text())) == 1
