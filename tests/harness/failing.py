"""Something that is probed while it fails: what the agent says of it, and that it takes the end of it for one.

    fault = http(site.url + "/", mend=site.start)      # what is probed, and what makes it good again
    Watched(agent, HttpReceiver(), fault).fails_with("tcp_refused", "connect", "refused").recovers()

Faults are made by functions of one argument, `use`, which gives fixtures by name, so that tests are tables of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .sections import otlp, probing
from .wait import until

PHASES = {
    "http": {"resolve", "connect", "tls", "processing", "transfer"},
    "dns": {"resolve", "connect", "tls", "request"},
    "unix": {"connect", "tls", "query"},
    "postgres": {"resolve", "connect", "tls", "login", "query"},
    "redis": {"resolve", "connect", "tls", "login", "query"},
    "mysql": {"resolve", "connect", "tls", "login", "query"},
    "icmp": {"resolve", "setup", "rtt"},
}


@dataclass
class Fault:
    """A probe of something that fails, and how that ends; without `mend` it does not."""

    kind: str
    target: str
    settings: dict
    mend: Callable | None = None
    timeout: str = "2s"
    begin: Callable | None = None  # what makes it fail once the agent runs, if it does not fail from the beginning


def http(url, mend=None, timeout="2s", begin=None, **settings):
    return Fault("http", url, {"url": url} | settings, mend, timeout, begin)


class Watched:
    """An agent that probes what fails, and who gets its records."""

    def __init__(self, agent, receiver, fault):
        self.fault = fault
        self.receiver = receiver
        probe = {"name": "it", fault.kind: fault.settings, "timeout": fault.timeout}
        self.agent = agent(probing(probe, exporters={"otlp": [otlp(receiver)]}))
        if fault.begin:
            until(self._succeeded, "it succeeds before it fails", every=0.05)
            fault.begin()

    def fails_with(self, reason, phase, *says):
        """It is down for this reason in this phase, on the page and in the log, which says so in these words."""
        page = until(self._failed, "the failure shows", every=0.05)
        found = page.series("probe_failure_info", instance=self.fault.target)
        assert [(one.labels["reason"], one.labels["phase"], one.value) for one in found] == [(reason, phase, 1)]
        assert page.value("probe_success", instance=self.fault.target) == 0
        self._spent(page, reason, phase)
        record = self.receiver.wait_logs(1)[0]
        assert (record.attributes["error.type"], record.attributes["vigie.probe.phase"]) == (reason, phase)
        start = f"probe it is down ({self.fault.target}): {reason} in {phase}: "
        assert record.text.startswith(start), record.text
        missing = [words for words in says if words not in record.text.removeprefix(start)]
        assert not missing, f"{missing} in {record.text}"
        (line,) = [line for line in self.agent.log.splitlines() if "probe is down" in line]
        assert f"{reason} in {phase}: " in line
        return self

    def recovers(self):
        """What failed is good again, where that can be, and so the agent says, in both places. It ends after that."""
        if self.fault.mend:
            self._recovers()
        # Not when all that it probes is gone: it would have to tell of that to a receiver that is gone as well.
        self.agent.check_ledgers()
        assert self.agent.terminate() == 0

    def _recovers(self):
        self.fault.mend()
        page = until(self._succeeded, "it succeeds again", every=0.05)
        assert page.series("probe_failure_info", instance=self.fault.target) == []
        records = self.receiver.wait_logs(2)
        assert records[-1].text == f"probe it is up ({self.fault.target})"
        assert "error.type" not in records[-1].attributes

    def _failed(self):
        page = self.agent.scrape()
        return page if page.series("probe_failure_info", instance=self.fault.target) else None

    def _succeeded(self):
        page = self.agent.scrape()
        return page if page.value("probe_success", instance=self.fault.target) == 1 else None

    def _spent(self, page, reason, phase):
        """Every phase is there, the one that failed with its time, and together they are no longer than the run."""
        if self.fault.kind not in PHASES:
            return  # it has but one
        family = f"probe_{self.fault.kind}_duration_seconds"
        spent = {one.labels["phase"]: one.value for one in page.series(family, instance=self.fault.target)}
        assert spent.keys() == PHASES[self.fault.kind]
        duration = page.value("probe_duration_seconds", instance=self.fault.target)
        assert sum(spent.values()) <= duration + 0.001
        if reason.endswith("timeout"):
            # What was waited for took the most of it.
            assert spent[phase] == max(spent.values()), spent
        elif reason not in ("tls_missing", "credentials"):  # those fail without TLS, and before anything is asked
            assert spent[phase] > 0, spent
