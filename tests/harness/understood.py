"""What came of the lines of a log that another program wrote."""

import re
from collections import Counter

from .wait import until


class Understood:
    """The records of one source: as many as there are to be, and nothing of the log is missing in them."""

    def __init__(self, agent, receiver, source="app"):
        self.agent = agent
        self.receiver = receiver
        self.source = source

    @property
    def records(self):
        """As they were read, whichever request came first; without those that tell that an exception is new."""
        found = [record for record in self.receiver.logs if not record.raw.event_name]
        return sorted(found, key=lambda record: record.raw.observed_time_unix_nano)

    def wait(self, path, timeout=15):
        """Until every line of the file is in a record, in its order; returns the records."""
        until(lambda: self.missing(path) == [], f"every line of {path} has arrived", timeout, every=0.05)
        return self.records

    def missing(self, path):
        """The lines of the file that are in no body, each as often as it is."""
        arrived = Counter(line for record in self.records for line in record.text.split("\n"))
        written = Counter(line.rstrip("\r") for line in path.read_text().split("\n") if line.strip())
        return list((written - arrived).elements())

    def saying(self, pattern):
        """The one record whose body has this somewhere."""
        found = [record for record in self.records if re.search(pattern, record.text)]
        assert len(found) == 1, f"{len(found)} records say {pattern}: {[record.text[:200] for record in found]}"
        return found[0]

    def thrown(self):
        """Type and fingerprint of each exception, in the order of the records."""
        of = [record.attributes for record in self.records if "exception.type" in record.attributes]
        return [(one["exception.type"], one["exception.fingerprint"]) for one in of]

    def parse_errors(self):
        return self.agent.scrape().total("vigie_log_parse_errors_total", source=self.source)


def has(record, severity, **attributes):
    """Checks severity and attributes of a record; `__` stands for a dot in the name of an attribute."""
    expected = {name.replace("__", "."): value for name, value in attributes.items()}
    assert expected.items() <= record.attributes.items(), (record.text[:200], record.attributes)
    assert record.raw.severity_number == severity, (record.text[:200], record.raw.severity_number)
    return record
