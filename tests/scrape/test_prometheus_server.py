"""A real Prometheus scrapes the agent; what its query API returns is what dashboards and alerts see."""

from harness.sections import probing
from harness.wait import until


def test_prometheus_scrapes_node_probe_process_and_vigie_series(agent, prometheus, nginx):
    site = nginx()
    config = probing({"name": "home", "http": {"url": site.url + "/"}})
    config["collectors"]["processes"] = {
        "groups": [
            {"name": "web", "match": {"comm": ["nginx"]}},
            {"name": "absent", "match": {"comm": ["no-such-program"]}, "expect": {"min": 1}},
        ]
    }
    target = agent(config).url.removeprefix("http://")
    server = prometheus([target])

    def value(expression):
        rows = server.query(expression)
        return rows[0][1] if len(rows) == 1 else None

    until(lambda: value('up{job="vigie"}') == 1, "the target is up", 30)
    until(lambda: value(f'probe_success{{instance="{site.url}/"}}') == 1, "the probe's own instance is kept")
    until(lambda: value('namedprocess_namegroup_num_procs{groupname="web"}') >= 2, "master and worker")
    assert value('namedprocess_namegroup_num_procs{groupname="absent"}') == 0
    assert value(f'node_uname_info{{instance="{target}"}}') == 1
    assert value("count(vigie_build_info)") == 1
    until(lambda: value('sum(rate(node_cpu_seconds_total{mode="idle"}[10s]))') is not None, "a rate over scrapes", 30)
    assert server.targets()[0]["lastError"] == ""
    assert value('scrape_samples_scraped{job="vigie"}') > 200


def test_prometheus_reads_what_the_agent_calls_itself_down_by(agent, prometheus):
    started = agent()
    target = started.url.removeprefix("http://")
    server = prometheus([target])
    until(lambda: server.query("up") and server.query("up")[0][1] == 1, "the target is up", 30)
    started.terminate()
    until(lambda: server.query("up")[0][1] == 0, "the target is down", 30)
    until(lambda: server.query("node_load1") == [], "its series are stale")
