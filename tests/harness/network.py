"""A network of one's own: interfaces that are there for one test, and that no other sees.

inside(function, *args)             # in a process of its own, with /sys of that network

network = Namespace()               # for one test, or the fixture `namespace`
site = network.call(nginx)          # runs on a thread inside; what is started there stays inside
agent = network.call(agent, config)
network.drop("-p", "tcp", "--dport", site.port)             # packets vanish from now on, also of what stands
network.reject("-p", "tcp", "--dport", 9, how="tcp-reset")  # or an ICMP error: icmp-host-unreachable, …
network.heal()
network.address("192.0.2.7/32")     # one more address of the loopback interface
page = network.call(agent.scrape)
"""

import ctypes
import multiprocessing
import os
import subprocess
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000


def ip(*command):
    subprocess.run(["ip", *command], check=True)


def _leave():
    """Leaves the host's network; sysfs shows the one in which it was mounted."""
    user, group, root = os.getuid(), os.getgid(), os.geteuid() == 0
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET | CLONE_NEWNS | (0 if root else CLONE_NEWUSER)):
        raise OSError(ctypes.get_errno(), "unshare")
    if not root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
    ip("link", "set", "lo", "up")


def inside(function, *args, timeout=60):
    """Runs a function of a module in a process with a network of its own, and returns what it returns."""
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=context, initializer=_leave) as process:
        return process.submit(function, *args).result(timeout)


class Namespace:
    """See the module. It is gone with the last of what was started in it; only root can make one."""

    def __init__(self):
        self._thread = ThreadPoolExecutor(1)
        self._inside = self._thread.submit(threading.get_ident).result()
        self.call(_unshare)

    def call(self, function, *args, **kwargs):
        """Runs a function on the thread that is inside, and returns what it returns or raises what it raises."""
        if threading.get_ident() == self._inside:
            return function(*args, **kwargs)
        return self._thread.submit(function, *args, **kwargs).result()

    def ip(self, *command):
        self.call(ip, *command)

    def address(self, address):
        self.ip("address", "add", address, "dev", "lo")

    def drop(self, *match):
        """What of the packets that arrive matches in iptables' words vanishes."""
        self._iptables("-A", "INPUT", *match, "-j", "DROP")

    def reject(self, *match, how="icmp-port-unreachable"):
        self._iptables("-A", "INPUT", *match, "-j", "REJECT", "--reject-with", how)

    def heal(self):
        """Everything arrives again."""
        self._iptables("-F", "INPUT")

    def _iptables(self, *command):
        self.call(subprocess.run, ["iptables", "-w", "10", *map(str, command)], check=True)

    def stop(self):
        self._thread.shutdown()


def _unshare():
    """Takes this thread, and what it starts, to a network of their own."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    ip("link", "set", "lo", "up")
