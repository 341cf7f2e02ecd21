"""A page of metrics, with questions one asks of it."""

from dataclasses import dataclass
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
    """A parsed page of the text format."""

    def __init__(self, text):
        self.text = text
        self.samples = [
            Sample(sample.name, sample.labels, sample.value) for family in parse_text(text) for sample in family.samples
        ]

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
        return [sample for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items()]

    def value(self, name, /, **labels):
        """The one value; a LookupError if there is none or more than one."""
        found = self.series(name, **labels)
        if len(found) != 1:
            raise LookupError(f"{len(found)} samples of {name}{labels}: {found[:4]}")
        return found[0].value

    def total(self, name, /, **labels):
        """The sum over all that match; 0 where there is none."""
        return sum(sample.value for sample in self.series(name, **labels))


def strict(text):
    """Families of an OpenMetrics page, read by the strict parser; raises where a rule is broken."""
    return list(parse_openmetrics(text))
