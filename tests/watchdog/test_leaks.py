"""A group whose memory or descriptors grow steadily leaks, and lasts until its limit; one that has grown does not."""

import resource

from harness.wait import holds, until

MIB = 1 << 20


def watching(*groups):
    return {"collectors": {"processes": {"groups": list(groups)}, "watchdog": {"interval": "1s"}}}


def group(name, program, **over):
    return {"name": name, "match": {"cmdline": [program.tag]}} | over


def growth(agent, name, what="bytes"):
    return agent.value(f"vigie_leak_{what}_per_second", groupname=name, span="start")


def lasts(agent, name, what):
    found = agent.scrape().series("vigie_exhaustion_seconds", resource=what)
    (value,) = [sample.value for sample in found if sample.labels["name"] == name]
    return value


def close(found, expected):
    return 0.6 * expected < found < 1.5 * expected


def test_a_leak_of_memory_and_of_descriptors_is_told_with_how_long_it_lasts(agent, dying):
    leaking = dying(leak={"grow": MIB // 2, "open": 5, "every": 0.25})
    steady = dying()
    limit, _ = resource.prlimit(leaking.process.pid, resource.RLIMIT_NOFILE)
    started = agent(
        watching(
            group("leaking", leaking, expect={"rss": {"above": "4GiB"}}),
            group("steady", steady),
        )
    )
    assert growth(started, "leaking") == growth(started, "steady") == 0
    until(lambda: growth(started, "leaking") > 0, "the leak is told", 60)
    # What is read of it is read while it grows, a little later than at every quarter of a second.
    until(lambda: close(growth(started, "leaking"), 2 * MIB), "as fast as it is")
    until(lambda: close(growth(started, "leaking", "descriptors"), 20), "that of descriptors as well")
    until(lambda: close(lasts(started, "leaking", "rss"), 4096 / 2), "how long memory lasts")
    until(lambda: close(lasts(started, "leaking", "fds"), limit / 20), "how long descriptors last")
    assert growth(started, "steady") == growth(started, "steady", "descriptors") == 0
    assert lasts(started, "steady", "rss") == float("inf")


def test_one_step_is_no_leak(agent, dying):
    stepping = dying()
    started = agent(watching(group("stepping", stepping)))
    until(lambda: started.value("namedprocess_namegroup_num_procs", groupname="stepping") == 1, "it is seen")
    holds(lambda: growth(started, "stepping") == 0, "nothing has happened", 6)
    stepping.tell(grow=64 * MIB, open=50)
    holds(lambda: growth(started, "stepping") == growth(started, "stepping", "descriptors") == 0, "one step", 12)


def test_a_group_that_is_not_there_has_its_series(agent):
    started = agent(watching({"name": "absent", "match": {"comm": ["no-such-program"]}}))
    for what in ("bytes", "descriptors"):
        for span in ("start", "window"):
            assert started.value(f"vigie_leak_{what}_per_second", groupname="absent", span=span) == 0
