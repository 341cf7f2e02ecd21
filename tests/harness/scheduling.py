"""Which tests go to which worker, and in which order: those first that would keep one busy when all others are done.

A worker gets whole files, as the tests of a file share what is costly to start. Two kinds are apart: there can be but
one machine at a time, so all that boot one are for one worker, from the beginning; and of files that take long and
share nothing each test may go to another worker.
"""

from xdist.scheduler import LoadScopeScheduling

MACHINES = {
    "shipping/test_debian.py",
    "shipping/test_systemd.py",
    "shipping/test_units.py",
    "watchdog/test_watched_units.py",
}

LONG = {
    "config/test_many_reloads.py",
    "lifecycle/test_dead_destination.py",
    "logs/test_catching_up.py",
    "logs/test_content.py",
    "logs/test_crash.py",
    "logs/test_deleted.py",
    "logs/test_kill_campaign.py",
    "logs/test_laggards.py",
    "logs/test_memory.py",
    "logs/test_rotation.py",
    "logs/test_watching.py",
    "processes/test_families.py",
    "push/test_faulty_network.py",
    "scrape/test_prometheus_rules.py",
    "spool/test_crash.py",
    "spool/test_kill_campaign.py",
    "watchdog/test_actions.py",
    "watchdog/test_death_reports.py",
    "watchdog/test_leaks.py",
    "watchdog/test_sensitive_files.py",
}


def _file(nodeid):
    return nodeid.split("::", 1)[0]


def order(items):
    """Sorts collected tests: machines, what is long, then files with many tests before those with few."""
    files = [_file(item.nodeid) for item in items]
    many = {file: files.count(file) for file in set(files)}

    def rank(item):
        file = _file(item.nodeid)
        return (file not in MACHINES, file not in LONG, -many[file], file)

    items.sort(key=rank)


class Scheduling(LoadScopeScheduling):
    """See the module; scopes are given away in the order of the tests, which `order` has made."""

    def _split_scope(self, nodeid):
        file = _file(nodeid)
        if file in MACHINES:
            return "machines"
        return nodeid if file in LONG else file
