"""The rules that are shipped: by the word of promtool, on made-up series."""

import re
import subprocess

import pytest
import yaml
from harness.agent import ROOT

RULES = sorted((ROOT / "packaging/rules").glob("*.yaml"))


def cpus(idle):
    """Two CPUs that are idle for so many of every 60 seconds."""
    rows = {}
    for cpu in (0, 1):
        rows[f'node_cpu_seconds_total{{cpu="{cpu}",mode="idle"}}'] = f"0+{idle}x200"
        rows[f'node_cpu_seconds_total{{cpu="{cpu}",mode="user"}}'] = f"0+{60 - idle}x200"
    return rows


def always(**values):
    """Series without labels that stay as they are."""
    return {name: f"{value}x200" for name, value in values.items()}


def filesystem(kind, free, slope=0, readonly=0):
    """A file system with 1,000 bytes or inodes, so many of them free, and so many more every minute."""
    whole, left = {"space": ("size_bytes", "avail_bytes"), "files": ("files", "files_free")}[kind]
    at = '{device="/dev/a",fstype="ext4",mountpoint="/"}'
    return {
        f"node_filesystem_{whole}{at}": "1000x200",
        f"node_filesystem_{left}{at}": f"{free}{slope:+}x200",
        f"node_filesystem_readonly{at}": f"{readonly}x200",
    }


def errors(way, each_minute):
    return {
        f'node_network_{way}_errs_total{{device="eth0"}}': f"0+{each_minute}x200",
        f'node_network_{way}_packets_total{{device="eth0"}}': "0+1000x200",
    }


def unit(state, value=1):
    return {f'node_systemd_unit_state{{name="web.service",state="{state}",type="simple"}}': f"{value}x200"}


def exhaustion(resource, seconds):
    return {f'vigie_exhaustion_seconds{{name="host",resource="{resource}"}}': " ".join([str(seconds)] * 200)}


def clock(start, step):
    return {"node_timex_offset_seconds": f"{start}{step:+}x200"}


def container(**values):
    """A container's series: a value that stays as it is, or what promtool makes of a text."""
    return {
        f'container_{name}{{id="/docker/1",name="1"}}': value if isinstance(value, str) else f"{value}x200"
        for name, value in values.items()
    }


def expectation(values):
    return {'vigie_expectation_met{kind="min",name="api"}': values}


def deaths(cause, values):
    return {f'vigie_process_deaths_total{{cause="{cause}",groupname="api"}}': values}


def changes(values):
    return {'vigie_sensitive_file_changes_total{change="changed",path="/etc/passwd"}': values}


def requests(failed, fine):
    """So many requests every minute that fail, and that do not."""
    rows = {"500": failed, "200": fine}
    return {
        f'http_requests_total{{method="GET",route="/{status}",source="web",status="{status}"}}': f"0+{count}x200"
        for status, count in rows.items()
    }


def durations(**buckets):
    """So many requests every minute up to each bound, in milliseconds; 100 in all."""
    bounds = {f"{int(name[2:]) / 1000:g}": count for name, count in buckets.items()} | {"+Inf": 100}
    base = 'http_server_request_duration_seconds_bucket{method="GET",route="/",source="web",status="200"'
    return {f'{base},le="{bound}"}}': f"0+{count}x200" for bound, count in bounds.items()}


def exceptions(**fingerprints):
    return {
        f'log_exceptions_total{{fingerprint="{one}",source="app",type="ValueError"}}': values
        for one, values in fingerprints.items()
    }


def security(**reasons):
    return {f'log_security_events_total{{reason="{one}",source="auth"}}': values for one, values in reasons.items()}


def log(name, values, **labels):
    """One of the agent's own series of a log."""
    pairs = ",".join(f'{key}="{value}"' for key, value in (labels | {"source": "app"}).items())
    return {f"vigie_log_{name}{{{pairs}}}": values}


# alert and severity: series that make it fire, and others that do not
CASES = {
    ("ExpectationNotMet", "critical"): (
        expectation("1x100 0x99"),
        [expectation("0x100 1x99"), expectation("1x149 0x50")],
    ),
    ("ExpectationFlapping", "warning"): (expectation("1 0 " * 100), [expectation(f"{'1 ' * 20}{'0 ' * 20}" * 5)]),
    ("ActionsExhausted", "critical"): (
        {'vigie_actions_exhausted{action="run",name="api"}': "0x145 1x54"},
        [{'vigie_actions_exhausted{action="run",name="api"}': "0x199"}],
    ),
    ("ProcessOutOfMemoryKill", "critical"): (
        deaths("oom", "0x145 1x54"),
        [deaths("oom", "3x199"), deaths("signal", "0x145 1x54")],
    ),
    ("ProcessCrashes", "warning"): (
        deaths("failed", "0x140 2x59") | deaths("signal", "0x140 3x59"),
        [deaths("failed", "0x140 2x59") | deaths("exited", "0x140 3x59")],
    ),
    ("SensitiveFileChanged", "warning"): (changes("0x145 1x54"), [changes("2x199")]),
    ("NodeCPUHighUsage", "info"): (cpus(3), [cpus(9)]),
    ("NodeSystemSaturation", "warning"): (cpus(0) | always(node_load1=5), [cpus(0) | always(node_load1=3)]),
    ("NodeMemoryHighUtilization", "warning"): (
        always(node_memory_MemAvailable_bytes=9, node_memory_MemTotal_bytes=100),
        [always(node_memory_MemAvailable_bytes=11, node_memory_MemTotal_bytes=100)],
    ),
    ("NodeMemoryMajorPagesFaults", "warning"): (
        {"node_vmstat_pgmajfault": "0+36000x200"},
        [{"node_vmstat_pgmajfault": "0+24000x200"}],
    ),
    ("NodeOutOfMemoryKill", "warning"): ({"node_vmstat_oom_kill": "0x145 1x54"}, [always(node_vmstat_oom_kill=7)]),
    ("NodeFilesystemSpaceFillingUp", "critical"): (
        filesystem("space", 330, -2.1),
        [
            filesystem("space", 100),
            filesystem("space", 140, -0.1),
            filesystem("space", 500, -2.1),
            filesystem("space", 330, -2.1, readonly=1),
        ],
    ),
    ("NodeFilesystemSpaceFillingUp", "warning"): (
        filesystem("space", 420, -1),
        [filesystem("space", 900, -1), filesystem("space", 390, -0.1), filesystem("space", 420, -1, readonly=1)],
    ),
    ("NodeFilesystemAlmostOutOfSpace", "critical"): (
        filesystem("space", 29),
        [filesystem("space", 31), filesystem("space", 29, readonly=1)],
    ),
    ("NodeFilesystemAlmostOutOfSpace", "warning"): (
        filesystem("space", 49),
        [filesystem("space", 51), filesystem("space", 49, readonly=1)],
    ),
    ("NodeFilesystemFilesFillingUp", "warning"): (
        filesystem("files", 420, -1),
        [filesystem("files", 900, -1), filesystem("files", 390), filesystem("files", 420, -1, readonly=1)],
    ),
    ("NodeFilesystemAlmostOutOfFiles", "warning"): (
        filesystem("files", 49),
        [filesystem("files", 51), filesystem("files", 49, readonly=1)],
    ),
    ("NodeFilesystemDeviceError", "warning"): (
        {'node_filesystem_device_error{mountpoint="/nas"}': "1x200"},
        [{'node_filesystem_device_error{mountpoint="/nas"}': "0x200"}],
    ),
    ("NodeDiskIOSaturation", "warning"): (
        {'node_disk_io_time_weighted_seconds_total{device="sda"}': "0+660x200"},
        [{'node_disk_io_time_weighted_seconds_total{device="sda"}': "0+540x200"}],
    ),
    ("NodeNetworkReceiveErrs", "warning"): (errors("receive", 11), [errors("receive", 9), errors("transmit", 11)]),
    ("NodeNetworkTransmitErrs", "warning"): (errors("transmit", 11), [errors("transmit", 9), errors("receive", 11)]),
    ("NodeHighNumberConntrackEntriesUsed", "warning"): (
        always(node_nf_conntrack_entries=76, node_nf_conntrack_entries_limit=100),
        [always(node_nf_conntrack_entries=74, node_nf_conntrack_entries_limit=100)],
    ),
    ("NodeClockSkewDetected", "warning"): (
        clock(0.06, 0.001),
        [clock(0.04, 0), clock(-0.04, 0), clock(2, -0.001), clock(-2, 0.001)],
    ),
    ("NodeClockNotSynchronising", "warning"): (
        always(node_timex_sync_status=0, node_timex_maxerror_seconds=16),
        [
            always(node_timex_sync_status=0, node_timex_maxerror_seconds=15),
            always(node_timex_sync_status=1, node_timex_maxerror_seconds=16),
        ],
    ),
    ("NodeSystemdServiceFailed", "warning"): (unit("failed"), [unit("active"), unit("failed", 0)]),
    ("NodeFileDescriptorLimit", "critical"): (
        always(node_filefd_allocated=91, node_filefd_maximum=100),
        [always(node_filefd_allocated=89, node_filefd_maximum=100)],
    ),
    ("NodeTextFileCollectorScrapeError", "warning"): (
        always(node_textfile_scrape_error=1),
        [always(node_textfile_scrape_error=0)],
    ),
    ("ContainerOutOfMemoryKill", "warning"): (
        container(oom_events_total="0x145 1x54"),
        [container(oom_events_total=7)],
    ),
    ("ContainerMemoryNearLimit", "warning"): (
        container(memory_working_set_bytes=91, spec_memory_limit_bytes=100),
        [
            container(memory_working_set_bytes=89, spec_memory_limit_bytes=100),
            container(memory_working_set_bytes=91, spec_memory_limit_bytes=0),
        ],
    ),
    ("CPUThrottlingHigh", "info"): (
        container(cpu_cfs_periods_total="0+600x200", cpu_cfs_throttled_periods_total="0+156x200"),
        [
            container(cpu_cfs_periods_total="0+600x200", cpu_cfs_throttled_periods_total="0+144x200"),
            container(cpu_cfs_periods_total="0x200", cpu_cfs_throttled_periods_total="0x200"),
        ],
    ),
    ("ProbeFailed", "critical"): (always(probe_success=0), [always(probe_success=1), {"probe_success": "0x148 1x52"}]),
    ("ProbeFlapping", "warning"): (
        {"probe_success": "0 1 " * 100},
        [always(probe_success=0), {"probe_success": "0x140 1x60"}],
    ),
    ("ProbeSlow", "warning"): (
        always(probe_duration_seconds=2.6, probe_timeout_seconds=5),
        [always(probe_duration_seconds=2.4, probe_timeout_seconds=5)],
    ),
    # After 150 minutes it is 9,000 s.
    ("ProbeCertificateExpiresSoon", "warning"): (
        always(probe_ssl_earliest_cert_expiry=9000 + 13 * 86400),
        [always(probe_ssl_earliest_cert_expiry=9000 + 15 * 86400)],
    ),
    ("ProbeCertificateExpired", "critical"): (
        always(probe_ssl_earliest_cert_expiry=8900),
        [always(probe_ssl_earliest_cert_expiry=9100)],
    ),
    ("ProbesSkipped", "warning"): (
        {"vigie_probe_skipped_total": "0+1x200"},
        [always(vigie_probe_skipped_total=9), {"vigie_probe_skipped_total": "0x148 1x52"}],
    ),
    ("ProbeTargetFileBroken", "warning"): (
        {'vigie_probe_target_file_success{file="/t.yml"}': "0x200"},
        [{'vigie_probe_target_file_success{file="/t.yml"}': "1x200"}],
    ),
    ("JobOverdue", "critical"): (
        {'vigie_job_overdue{job="backup"}': "1x200"},
        [{'vigie_job_overdue{job="backup"}': "0x200"}],
    ),
    ("JobFailed", "warning"): (
        {'vigie_job_last_exit_code{job="backup"}': "3x200"},
        [{'vigie_job_last_exit_code{job="backup"}': "0x200"}],
    ),
    ("JobLost", "warning"): (
        {'vigie_job_runs_total{job="backup",outcome="lost"}': "0x145 1x54"},
        [
            {'vigie_job_runs_total{job="backup",outcome="lost"}': "7x200"},
            {'vigie_job_runs_total{job="backup",outcome="failure"}': "0x145 1x54"},
        ],
    ),
    ("HttpErrorsHigh", "critical"): (requests(6, 94), [requests(4, 96), requests(0, 100), requests(0, 0)]),
    ("HttpErrorsHigh", "warning"): (requests(2, 98), [requests(1, 199), requests(0, 0)]),
    ("HttpRequestsSlow", "warning"): (
        durations(ms1000=98, ms2500=100),
        [durations(ms1000=100, ms2500=100), durations(ms500=99, ms1000=100)],
    ),
    ("LogExceptionNew", "warning"): (
        exceptions(known="3x200") | exceptions(new="_x140 1x59"),
        [
            exceptions(known="0x120 3x79"),
            exceptions(restarted="7x140 0x59"),
            exceptions(saved="_x140 0x59"),
        ],
    ),
    ("LogExceptionsMany", "warning"): (
        exceptions(one="0+6x200", other="0+6x200"),
        [exceptions(one="0+9x200"), exceptions(one="0x100 100x99")],
    ),
    ("LogSecurityEvents", "warning"): (
        security(ssh_failed_login="0+3x200"),
        [security(ssh_failed_login="0+1x200"), security(http_unauthorized="0+100x200")],
    ),
    ("LogSecurityHttpBurst", "warning"): (
        security(http_burst="0x145 1x54"),
        [security(http_burst="2x200", http_unauthorized="0+100x200")],
    ),
    ("LogBytesLost", "warning"): (
        log("behind_lost_bytes_total", "0x145 80x54", exporter="one", reason="truncated")
        | log("lost_bytes_total", "0x200", reason="truncated"),
        [log("lost_bytes_total", "80x200", reason="truncated"), log("read_bytes_total", "0+80x200")],
    ),
    ("LogLinesTruncated", "info"): (
        log("truncated_lines_total", "0x145 1x54"),
        [log("truncated_lines_total", "3x200")],
    ),
    ("LogLinesNotUnderstood", "info"): (
        log("parse_errors_total", "0+11x200", reason="format") | log("lines_total", "0+100x200"),
        [
            log("parse_errors_total", "0+9x200", reason="format") | log("lines_total", "0+100x200"),
            log("parse_errors_total", "0x200", reason="format") | log("lines_total", "0x200"),
        ],
    ),
    ("LogFilesUnreadable", "warning"): (
        log("unreadable_paths", "0x100 2x99"),
        [log("unreadable_paths", "0x148 2x51"), log("unreadable_paths", "2x140 0x59")],
    ),
    ("LogReadingLags", "warning"): (
        log("behind_bytes", "70000000x200", exporter="one") | log("lag_bytes", "0x200"),
        [log("behind_bytes", "60000000x200", exporter="one"), log("lag_bytes", "0x140 70000000x59")],
    ),
    ("LogOffsetsNotSaved", "critical"): (
        log("offset_save_failures_total", "0+1x200"),
        [log("offset_save_failures_total", "9x200"), log("offset_save_failures_total", "0x148 1x51")],
    ),
    ("LogMetricOverflow", "info"): (
        log("metric_overflow_total", "0x145 1x54", metric="orders_total"),
        [log("metric_overflow_total", "9x200", metric="orders_total")],
    ),
    ("VigieExhaustionNear", "warning"): (
        exhaustion("memory", 14000),
        [exhaustion("memory", 15000), exhaustion("memory", "+Inf"), exhaustion("filesystem", 14000)],
    ),
}


def alerts():
    """Every alert of the files: name, severity and annotations."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    yield rule


def promtool(*args):
    return subprocess.run(["promtool", *map(str, args)], capture_output=True, text=True, timeout=60, check=False)


def of(instance, series):
    """The same series on a host of that name."""
    rows = []
    for name, values in series.items():
        base, _, labels = name.partition("{")
        rows.append({"series": f'{base}{{instance="{instance}",{labels or "}"}', "values": values})
    return rows


def not_as_expected(tmp_path, hosts, expected):
    """What promtool expected and got of each expression that does not have, after 150 minutes, just its hosts."""
    rows = [row for instance, series in hosts.items() for row in of(instance, series)]
    cases = [
        {
            "expr": expression,
            "eval_time": "150m",
            "exp_samples": [{"labels": f'{{instance="{instance}"}}', "value": 1} for instance in instances],
        }
        for expression, instances in expected.items()
    ]
    test = {"interval": "1m", "input_series": rows, "promql_expr_test": cases}
    file = tmp_path / "test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(path) for path in RULES], "tests": [test]}))
    done = promtool("test", "rules", file)
    return re.findall(r"^ +exp: (.*)\n +got: (.*)$", done.stdout + done.stderr, re.M)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.stem)
def test_promtool_finds_nothing_wrong(path):
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_and_every_case_its_alert():
    assert sorted(CASES) == sorted((rule["alert"], rule["labels"]["severity"]) for rule in alerts())


def test_the_readme_names_every_alert():
    text = (ROOT / "README.md").read_text()
    assert [rule["alert"] for rule in alerts() if rule["alert"] not in text] == []


@pytest.mark.parametrize(("name", "severity"), CASES, ids=lambda part: part)
def test_an_alert_fires_when_it_should_and_only_then(tmp_path, name, severity):
    bad, fine = CASES[name, severity]
    hosts = {"bad": bad} | {f"fine{number}": series for number, series in enumerate(fine)}
    firing = f'count by (instance) (ALERTS{{alertname="{name}",severity="{severity}",alertstate="firing"}})'
    # The second one shows that promtool would see it if the alert did not fire.
    wrong = not_as_expected(tmp_path, hosts, {firing: ["bad"], f"({firing})": []})
    assert wrong == [("nil", '{instance="bad"} 1E+00')], wrong
