"""What tests of probes ask of the agent's page.

page = probed(agent, instance)          # waits until the probe has a result
failure(page, instance)                 # ("tcp_refused", "connect"), or None where it succeeded
failed(agent, instance, reason, phase)  # waits until it fails for this reason, and for no other
shape(page, **labels)                   # names and labels of `probe_…`, to compare with blackbox_exporter's
missing(theirs, page, instance=…)       # what blackbox_exporter's page has and ours has not
patience(reason)                        # the timeout of a probe that is to fail for this reason
"""

from .wait import until


def probed(agent, instance, timeout=30):
    """The page after the probe of `instance` has run."""

    def done():
        page = agent.scrape()
        return page if page.total("vigie_probe_runs_total", instance=instance) > 0 else None

    return until(done, f"{instance} is probed", timeout)


def failure(page, instance):
    """Reason and phase, or None."""
    found = [sample for sample in page.series("probe_failure_info", instance=instance) if sample.value]
    success = page.value("probe_success", instance=instance)
    if not found:
        assert success == 1, page.series("probe_success", instance=instance)
        return None
    assert (len(found), success) == (1, 0), found
    return found[0].labels["reason"], found[0].labels["phase"]


def patience(reason):
    """The `timeout` of a probe that is to fail for this reason: short if that is it, else longer than any machine is busy."""
    return "500ms" if "timeout" in reason else "10s"


def failed(agent, instance, reason, phase, timeout=30):
    """The page of a run that failed like this."""

    def done():
        page = agent.scrape()
        ran = page.total("vigie_probe_runs_total", instance=instance) > 0
        return page if ran and failure(page, instance) == (reason, phase) else None

    return until(done, f"{instance} fails with {reason} in {phase}", timeout)


def shape(page, **labels):
    """The series that begin with `probe_`, each as its name and its labels but those that tell the probe."""
    return {
        (sample.name, frozenset(pair for pair in sample.labels.items() if pair[0] not in ("instance", "probe")))
        for name in page.names("probe_")
        for sample in page.series(name, **labels)
    }


def missing(theirs, ours, **labels):
    """The series `probe_…` of another page that ours does not have, with at least their labels."""
    return [
        sample
        for name in theirs.names("probe_")
        for sample in theirs.series(name)
        if not ours.series(name, **sample.labels, **labels)
    ]
