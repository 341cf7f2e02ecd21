"""Metrics that jobs leave in files: of several directories, by pattern, and gone when the job is."""

import os
import time

from harness.wait import until


def test_a_dead_jobs_series_leave_and_come_back_with_the_job(agent, tmp_path):
    for job in ("backup", "import"):
        (tmp_path / job).mkdir()
        (tmp_path / job / "job.prom").write_text(f"{job}_rows 7\n")
    backup = tmp_path / "backup/job.prom"
    an_hour_ago = time.time() - 3600
    os.utime(backup, (an_hour_ago, an_hour_ago))
    settings = {"directory": [str(tmp_path / "[bi]*")], "max_age": "30m"}
    started = agent({"collectors": {"system": {"textfile": settings}}})

    page = started.scrape()
    assert not page.series("backup_rows") and page.value("import_rows") == 7
    assert page.value("vigie_textfile_stale", file=str(backup)) == 1
    assert page.value("vigie_textfile_stale", file=str(tmp_path / "import/job.prom")) == 0
    assert page.value("node_textfile_mtime_seconds", file=str(backup)) == int(an_hour_ago)
    assert page.value("node_textfile_scrape_error") == 0

    backup.write_text("backup_rows 8\n")
    until(lambda: started.scrape().series("backup_rows"), "the job's series are back")
    page = started.scrape()
    assert page.value("backup_rows") == 8
    assert page.value("vigie_textfile_stale", file=str(backup)) == 0


def test_the_age_can_be_given_by_flag(agent, tmp_path):
    (tmp_path / "job.prom").write_text("rows 7\n")
    os.utime(tmp_path / "job.prom", (1e9, 1e9))
    started = agent(args=[f"--collector.textfile.directory={tmp_path}", "--collector.textfile.max-age=1d"])
    page = started.scrape()
    assert not page.series("rows")
    assert page.value("vigie_textfile_stale", file=str(tmp_path / "job.prom")) == 1
