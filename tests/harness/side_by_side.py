"""The agent and Debian's blackbox_exporter with the same modules, asked for the same probes.

    Pair(directory, agent, blackbox, modules, access=None)     # or the fixture `pair`
    both.alike("http_2xx", target)       # asserts that both say the same, and returns our page
    both.answers(query)                  # both answers as they are
    both.ask(query)                      # ours alone
    both.write(modules)                  # another file for ours

What differs stands in the tables here, and nothing else does.
"""

from urllib.parse import quote

import yaml

from .http import request
from .scrape import Scrape

# Series that Debian's 0.23 does not have yet, or that are ours.
BEYOND = {
    "probe_timeout_seconds",  # of later versions
    "probe_expect_info",  # of later versions
    "probe_failed_due_to_bytes",  # of later versions
    "probe_tcp_duration_seconds",  # ours: how long each phase took
    "probe_tls_cipher_info",  # of later versions
    "probe_dns_duration_seconds",  # ours: its phase `tls`
    "probe_grpc_duration_seconds",  # ours: its phases `connect` and `tls`
    "probe_ssl_last_chain_expiry_timestamp_seconds",  # ours: of gRPC too
    "probe_failure_info",  # ours: why it failed
}
# Keys of modules and labels of series that Debian's 0.23 does not have yet.
LATER_KEYS = {"labels"}
LATER_LABELS = {("probe_ssl_last_chain_info", "serialnumber")}
# What we still say where the probe fails: every phase, what was not reached as 0, and the certificates that were refused.
BEYOND_IN_FAILURE = {
    "probe_dns_lookup_time_seconds",
    "probe_ip_addr_hash",
    "probe_ip_protocol",
    "probe_http_duration_seconds",
    "probe_ssl_earliest_cert_expiry",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "probe_ssl_last_chain_info",
}
# What must be the very same value.
EQUAL = {
    "probe_success",
    "probe_ip_protocol",
    "probe_ip_addr_hash",
    "probe_failed_due_to_regex",
    "probe_http_content_length",
    "probe_http_redirects",
    "probe_http_ssl",
    "probe_http_status_code",
    "probe_http_uncompressed_body_length",
    "probe_http_version",
    "probe_http_last_modified_timestamp_seconds",
    "probe_ssl_earliest_cert_expiry",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "probe_ssl_last_chain_info",
    "probe_tls_version_info",
    "probe_dns_answer_rrs",
    "probe_dns_authority_rrs",
    "probe_dns_additional_rrs",
    "probe_dns_query_succeeded",
    "probe_dns_serial",
}


class Pair:
    """Ours and theirs with the same modules."""

    def __init__(self, tmp_path, agent, blackbox, modules, access=None):
        self.file = tmp_path / "blackbox.yml"
        self.write(modules)
        access = {"blackbox_access": access} if access else {}
        self.agent = agent({"collectors": {"blackbox": str(self.file)} | access})
        self.theirs = blackbox(without_later_keys(modules))

    def write(self, modules):
        self.file.write_text(yaml.safe_dump({"modules": modules}))

    def ask(self, query, **kwargs):
        """Ours, as it is."""
        return request(f"{self.agent.url}/probe?{query}", **kwargs)

    def answers(self, query, **kwargs):
        """Both, as they are."""
        return self.ask(query, **kwargs), request(f"{self.theirs.url}/probe?{query}", **kwargs)

    def alike(self, module, target):
        """Asserts that both say the same of a target, and returns our page."""
        answers = self.answers(f"module={module}&target={quote(target, safe='')}")
        assert [answer.status for answer in answers] == [200, 200], answers[0].text
        ours, theirs = (Scrape(answer.text) for answer in answers)
        about = f"{module} of {target}"
        success = ours.value("probe_success")
        assert success == theirs.value("probe_success"), (about, ours.series("probe_failure_info"))
        missing, more = shape(theirs) - shape(ours) - of_no_use(theirs), shape(ours) - shape(theirs)
        assert not missing, (about, missing)
        beyond = BEYOND if success else BEYOND | BEYOND_IN_FAILURE
        assert {name for name, _ in more} <= beyond, (about, more)
        for name in theirs.families.keys() & ours.families.keys():
            own, other = ours.families[name], theirs.families[name]
            assert (own.kind, own.help) == (other.kind, other.help), name
        for name in EQUAL & theirs.names():
            if not {(name, labels) for labels in values(theirs, name)} - of_no_use(theirs):
                continue
            own, other = values(ours, name), values(theirs, name)
            assert own == other, (about, name, own, other)
        assert ours.value("probe_duration_seconds") > 0
        return ours


def labels(sample):
    """Without those that have no value, as they are none, and without those that came later."""
    named = sample.labels.items()
    return frozenset((name, value) for name, value in named if value and (sample.name, name) not in LATER_LABELS)


def without_later_keys(node):
    """Modules as Debian's version reads them."""
    if isinstance(node, list):
        return [without_later_keys(element) for element in node]
    if isinstance(node, dict):
        return {key: without_later_keys(value) for key, value in node.items() if key not in LATER_KEYS}
    return node


def shape(page):
    return {(sample.name, labels(sample)) for sample in page.samples}


def of_no_use(page):
    """Of gRPC without TLS 0.23 says that its certificate ended in 1970, or before; later versions do not."""
    expiry = page.series("probe_ssl_earliest_cert_expiry")
    return {(sample.name, labels(sample)) for sample in expiry if sample.value <= 0}


def values(page, name):
    return {labels(sample): sample.value for sample in page.series(name)}
