"""The agent and Debian's process-exporter with the same rules, beside the same live processes.

    both = Groups(directory, agent, rules)     # or the fixture `groups`; rules as in process-exporter's file: a list
    both.begin()                               # counting starts here
    both.alike("group")                        # both say the same of it, once its processes rest; returns our page

What differs stands in the tables here, and nothing else does.
"""

import yaml

from .exporters import process_exporter
from .wait import until

PREFIX = "namedprocess_"

# Other values for processes of several threads: theirs counts the process and each of its threads besides, ours states
# of processes, as the help says, and each thread once.
COUNTED_TWICE = {"namedprocess_namegroup_states", "namedprocess_namegroup_threads_wchan"}
# Series of ours alone.
BEYOND = {"vigie_expectation_met"}
# Of the exporter itself and not of any group: the names are theirs, the values one's own.
OF_ITSELF = {
    "namedprocess_scrape_errors",
    "namedprocess_scrape_partial_errors",
    "namedprocess_scrape_procread_errors",
}


class Groups:
    """Ours and theirs."""

    def __init__(self, directory, agent, rules):
        file = directory / "process-exporter.yml"
        file.write_text(yaml.safe_dump({"process_names": rules}))
        self.theirs = process_exporter(directory / "process_exporter", f"-config.path={file}")
        groups = [
            {"name": rule["name"], "match": {key: value for key, value in rule.items() if key != "name"}}
            for rule in rules
        ]
        processes = {"groups": groups, "smaps": {"enabled": True, "budget": "10s"}}
        try:
            self.ours = agent({"collectors": {"processes": processes}})
        except BaseException:
            self.stop()
            raise
        self._before = {}

    def stop(self):
        self.theirs.stop()

    def begin(self):
        """What was used so far is not compared: who looks first at a process does not count what it has used before."""
        self._before = {who: counters(page) for who, page in self._pages().items()}

    def alike(self, group, threads=False):
        """Asserts that both say the same of a group, and returns our page. `threads`: its processes have several."""
        different = []

        def same():
            pages = self._pages()
            different[:] = self._differences(pages, group, threads)
            return pages["ours"] if not different else None

        try:
            return until(same, "both say the same", timeout=10, every=0.3)
        except AssertionError as error:
            raise AssertionError(f"{group}: {different}") from error

    def _pages(self):
        # With the least between the two: a process that rests may still be about to.
        return {"ours": self.ours.scrape("/metrics?collect[]=namedprocess"), "theirs": self.theirs.scrape()}

    def _differences(self, pages, group, threads):
        ours, theirs = (self._values(pages, who, group) for who in ("ours", "theirs"))
        different = [f"only in theirs: {key}" for key in theirs.keys() - ours.keys()]
        different += [f"only in ours: {key}" for key in ours.keys() - theirs.keys() if key[0] not in BEYOND]
        for key in ours.keys() & theirs.keys():
            if abs(ours[key] - theirs[key]) > 1e-6 and not (threads and key[0] in COUNTED_TWICE):
                different.append(f"{key}: {ours[key]}, theirs {theirs[key]}")
        return different + told_differently(*pages.values())

    def _values(self, pages, who, group):
        """Gauges as they are, counters since it began."""
        before, page = self._before.get(who, {}), pages[who]
        return {key(sample): sample.value - before.get(key(sample), 0) for sample in of_group(page, group)}


def key(sample):
    return sample.name, frozenset(sample.labels.items())


def of_group(page, group):
    return [sample for sample in page.samples if sample.labels.get("groupname") == group]


def counters(page):
    return {
        key(sample): sample.value
        for sample in page.samples
        if sample.name.startswith(PREFIX) and sample.name.endswith("_total")
    }


def told_differently(ours, theirs):
    """Metrics of theirs that ours does not have, or under another type or with another help."""
    own = ours.families
    wanted = {name: family for name, family in theirs.families.items() if name.startswith(PREFIX)}
    missing = OF_ITSELF - wanted.keys()
    return [f"{name} is not theirs" for name in missing] + [
        f"{family}, ours {own.get(name)}" for name, family in wanted.items() if own.get(name) != family
    ]
