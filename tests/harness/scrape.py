"""A page of metrics, with questions one asks of it."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
TEXT = "text/plain; version=0.0.4"


class Sample(NamedTuple):
    """One line of the page."""

    name: str
    labels: dict
    value: float


@dataclass
class Family:
    """What HELP and TYPE say of a metric, under the name they give it."""

    name: str
    kind: str
    help: str


class Scrape:
    """A page of the text format. Of a page that is asked for one name, as who waits does over and over, no other is read."""

    def __init__(self, text):
        self.text = text

    @cached_property
    def samples(self):
        return _samples(self.text)

    def _named(self, name):
        """The samples of that name, as the parser calls them: it gives counters that end in something else a `_total`."""
        lines = re.findall(rf"^{re.escape(name)}[ {{].*\n", self.text, re.M)
        if not lines and name.endswith("_total"):
            return [sample for sample in self.samples if sample.name == name]
        return _samples("".join(lines))

    @property
    def families(self):
        """Families by the names in their HELP and TYPE lines, which the parser's own names are not (it cuts `_total`)."""
        found = {}
        for line in self.text.splitlines():
            if line.startswith(("# HELP ", "# TYPE ")):
                _, keyword, name, *rest = line.split(" ", 3)
                family = found.setdefault(name, Family(name, "", ""))
                value = rest[0] if rest else ""
                if keyword == "HELP":
                    family.help = value
                else:
                    family.kind = value
        return found

    def names(self, prefix=""):
        return {sample.name for sample in self.samples if sample.name.startswith(prefix)}

    def series(self, name, /, **labels):
        """Samples of that name which carry at least these labels."""
        return [sample for sample in self._named(name) if labels.items() <= sample.labels.items()]

    def value(self, name, /, **labels):
        """The one value; a LookupError if there is none or more than one."""
        found = self.series(name, **labels)
        if len(found) != 1:
            raise LookupError(f"{len(found)} samples of {name}{labels}: {found[:4]}")
        return found[0].value

    def total(self, name, /, **labels):
        """The sum over all that match; 0 where there is none."""
        return sum(sample.value for sample in self.series(name, **labels))


def _samples(text):
    return [
        Sample(sample.name, sample.labels, sample.value) for family in parse_text(text) for sample in family.samples
    ]


def strict(text):
    """Families of an OpenMetrics page, read by the strict parser; raises where a rule is broken."""
    return list(parse_openmetrics(text))
