"""Conditions instead of sleeps."""

import time


def until(condition, what, timeout=30.0, every=0.05):
    """Calls `condition` until what it returns is true, and returns that.

    The time is for a machine that has much else to do: nothing is proven by a condition that is fulfilled sooner.

    An exception counts as "not yet"; when the time is over it is the cause of the failure.
    """
    deadline = time.monotonic() + timeout
    last, error = None, None
    while True:
        try:
            last, error = condition(), None
            if last:
                return last
        except (AssertionError, LookupError, OSError, ValueError) as not_yet:
            error = not_yet
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout} s: {what} (last seen: {last!r})") from error
        time.sleep(every)


def soon(work, seconds, what, every=1.1):
    """Checks that `work` can be done within so little time: on a busy machine not each time, but once of several.

    Values younger than a second are used again, so each time is later than that.
    """

    def done():
        time.sleep(every)
        begun = time.monotonic()
        result = work()
        return (result,) if time.monotonic() - begun < seconds else None

    return until(done, what)[0]


def holds(condition, what, seconds):
    """Checks that `condition` is true now and stays so for `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"did not stay so for {seconds} s: {what}"
        time.sleep(0.02)
