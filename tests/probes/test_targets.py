"""Many targets of one probe: lists, files in the form of Prometheus' service discovery, required ones."""

import json

from harness.ports import free_port
from harness.sections import probing
from harness.wait import until


def instances(page):
    return {sample.labels["instance"] for sample in page.series("probe_success")}


def test_targets_of_a_list_have_labels_and_settings_of_their_own(agent, nginx):
    url = nginx().url
    probe = {
        "name": "shops",
        "http": {},
        "labels": {"team": "shop", "tier": "1"},
        "targets": [
            {"targets": [f"{url}/", f"{url}/gone"]},
            {"targets": [f"{url}/redirect"], "labels": {"tier": "2", "instance": "redirected"}, "timeout": "3s"},
        ],
    }
    running = agent(probing(probe))
    page = running.scrape()
    assert instances(page) == {f"{url}/", f"{url}/gone", "redirected"}, "all are there from the first scrape on"
    assert page.value("vigie_probe_targets", probe="shops") == 3

    def all_ran():
        page = running.scrape()
        return page if all(s.value > 0 for s in page.series("vigie_probe_runs_total")) else None

    page = until(all_ran, "all targets are probed")
    assert page.value("probe_success", instance=f"{url}/", team="shop", tier="1") == 1
    assert page.value("probe_success", instance=f"{url}/gone", team="shop") == 0
    assert page.value("probe_success", instance="redirected", tier="2") == 1
    assert page.value("probe_timeout_seconds", instance="redirected") == 3
    assert page.value("probe_timeout_seconds", instance=f"{url}/") == 2


def test_targets_of_files_come_and_go_as_the_files_change(agent, nginx, tmp_path):
    url = nginx().url
    lists = tmp_path / "lists"
    lists.mkdir()
    probe = {"name": "shops", "http": {}, "target_files": [str(lists / "*.json"), str(lists / "*.yml")]}
    running = agent(probing(probe))
    assert instances(running.scrape()) == set()
    (lists / "one.json").write_text(json.dumps([{"targets": [f"{url}/"], "labels": {"team": "a", "__meta_x": "y"}}]))
    until(lambda: running.scrape().value("probe_success", instance=f"{url}/", team="a") == 1, "the first is probed")
    (lists / "two.yml").write_text(f"- targets: ['{url}/gone', 'nonsense']\n")
    until(lambda: instances(running.scrape()) == {f"{url}/", f"{url}/gone"}, "the second is there")
    runs = running.scrape().value("vigie_probe_runs_total", instance=f"{url}/")

    (lists / "two.yml").write_text("- targets: [half a fi")
    broken = str(lists / "two.yml")
    until(
        lambda: running.scrape().value("vigie_probe_target_file_success", file=broken) == 0, "the broken file is told"
    )
    page = running.scrape()
    assert instances(page) == {f"{url}/", f"{url}/gone"}, "its last good targets stay"
    assert page.value("vigie_probe_runs_total", instance=f"{url}/") >= runs, "the other ones go on"

    (lists / "one.json").unlink()
    until(lambda: instances(running.scrape()) == {f"{url}/gone"}, "the first is gone")


def test_what_the_application_depends_on_is_ready_or_not(agent, nginx):
    server = nginx()
    down = f"http://127.0.0.1:{free_port()}/"
    probes = [
        {"name": "cache", "http": {"url": server.url + "/"}, "required": True},
        {"name": "extra", "http": {"url": down}},
    ]
    running = agent(probing(*probes))
    until(lambda: running.get("/-/ready/dependencies").status == 200, "what is required is there")
    body = running.get("/-/ready/dependencies").json
    (check,) = body["checks"]
    assert (check["name"], check["target"], check["status"]) == ("cache", server.url + "/", "up")
    assert check["duration_seconds"] > 0 and check["since"].endswith("Z")


def test_a_required_target_that_is_down_is_told_with_its_reason(agent):
    down = f"http://127.0.0.1:{free_port()}/"
    running = agent(probing({"name": "database", "http": {"url": down}, "required": True}))
    first = running.get("/-/ready/dependencies")
    assert first.status == 503

    def told():
        answer = running.get("/-/ready/dependencies")
        (check,) = answer.json["checks"]
        return (answer.status, check) if check["status"] == "down" else None

    status, check = until(told, "it is known to be down")
    assert (status, check["reason"], check["phase"]) == (503, "tcp_refused", "connect")
    assert running.get("/-/ready").status == 200, "the agent itself is ready"


def test_every_address_of_a_name_is_probed_apart(agent, nginx):
    port = nginx().url.rsplit(":", 1)[1]
    url = f"http://localhost:{port}/"
    running = agent(probing({"name": "both", "http": {"url": url}, "all_addresses": True}))

    def addresses():
        page = running.scrape()
        found = {s.labels.get("address"): s.value for s in page.series("probe_success", instance=url)}
        return found if None not in found else None

    found = until(addresses, "the addresses are probed")
    assert found["127.0.0.1"] == 1
    assert set(found) <= {"127.0.0.1", "::1"}
