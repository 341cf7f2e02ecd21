"""Conditions instead of sleeps."""

import time


def until(condition, what, timeout=15.0, every=0.02):
    """Calls `condition` until what it returns is true, and returns that.

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


def holds(condition, what, seconds):
    """Checks that `condition` is true now and stays so for `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), f"did not stay so for {seconds} s: {what}"
        time.sleep(0.02)
