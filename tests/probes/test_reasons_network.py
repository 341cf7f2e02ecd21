"""Each reason that names, routes and lost packets give a probe to fail, in a network of the test's own."""

import pytest
from harness.failing import Fault, Watched, http
from harness.receiver import HttpReceiver
from harness.redis import Redis
from harness.unbound import Unbound

# What `resolv.conf` says of how to ask: a server that says nothing is given up after a second.
RESOLV_CONF = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"


class Net:
    """What the faults of this file are made in: a network, a site, a DNS server that the agent asks."""

    def __init__(self, network, site, names, directory, keep):
        self.network = network
        self.site = site
        self.names = names
        self.directory = directory
        self.keep = keep  # stops what it is given when the test is over

    def named(self, name, mend=None, timeout="5s", **settings):
        return http(f"http://{name}:{self.site.port}/", mend, timeout, **settings)

    def at(self, mend=None, timeout="2s"):
        return http(self.site.url + "/", mend, timeout)


def no_such_name(net):
    return net.named("shop.live.test", lambda: net.names.answer("shop.live.test", "A", "127.0.0.1"))


def no_address(net):
    net.names.answer("shop.live.test", "TXT", "nothing")
    return net.named("shop.live.test", lambda: net.names.answer("shop.live.test", "A", "127.0.0.1"))


def no_address_of_the_family(net):
    net.names.answer("shop.live.test", "AAAA", "::1")
    mend = lambda: net.names.answer("shop.live.test", "A", "127.0.0.1")  # noqa: E731
    return net.named("shop.live.test", mend, preferred_ip_protocol="ip4", ip_protocol_fallback=False)


def silent_server(net):
    net.names.answer("shop.live.test", "A", "127.0.0.1")
    net.names.pause()
    return net.named("shop.live.test", net.names.resume)


def silent_server_and_little_time(net):
    net.names.answer("shop.live.test", "A", "127.0.0.1")
    net.names.pause()
    return net.named("shop.live.test", net.names.resume, "500ms")


def lost_questions(net):
    net.names.answer("shop.live.test", "A", "127.0.0.1")
    net.network.drop("-p", "udp", "--dport", 53)
    return net.named("shop.live.test", net.network.heal)


def dropped(net):
    return net.named("dropped.test")


def server_failure(net):
    return net.named("broken.test")


def refused_question(net):
    return net.named("refused.test")


def no_server(net):
    net.names.stop()

    def mend():
        net.names.start()
        net.names.answer("shop.live.test", "A", "127.0.0.1")

    return net.named("shop.live.test", mend)


def lost_packets(net):
    net.network.drop("-p", "tcp", "--dport", net.site.port)
    return net.at(net.network.heal, "500ms")


def lost_answers(net):
    """The connection stands, and then nothing arrives any more."""
    net.network.drop("-p", "tcp", "--sport", net.site.port, "-m", "length", "--length", "100:")
    return net.at(net.network.heal, "500ms")


def rejected(how):
    def make(net):
        net.network.reject("-p", "tcp", "--dport", net.site.port, how=how)
        return net.at(net.network.heal)

    return make


def no_route(net):
    mend = lambda: net.network.address("192.0.2.7/32")  # noqa: E731
    return http(f"http://192.0.2.7:{net.site.port}/", mend)


def no_route_for_questions(net):
    """To a DNS server that is not on this host."""
    settings = {"server": "192.0.2.7", "query_name": "vigie.test", "preferred_ip_protocol": "ip4"}
    return Fault("dns", "192.0.2.7", settings)


def prohibited_questions(net):
    net.network.ip("route", "add", "prohibit", "192.0.2.7/32")
    return no_route_for_questions(net)


def prohibited_pings(net):
    net.network.ip("route", "add", "prohibit", "192.0.2.7/32")
    return Fault("icmp", "192.0.2.7", {"host": "192.0.2.7"})


def protected(net):
    """A Redis without a password that is asked from elsewhere."""
    net.network.address("192.0.2.7/32")
    server = Redis(net.directory / "redis", config="bind 127.0.0.1 192.0.2.7\nprotected-mode yes\n")
    net.keep(server)
    target = f"192.0.2.7:{server.port}"
    return Fault("redis", target, {"address": target}, lambda: server.cli("CONFIG", "SET", "protected-mode", "no"))


def prohibited(net):
    net.network.ip("route", "add", "prohibit", "192.0.2.7/32")
    return http(f"http://192.0.2.7:{net.site.port}/")


FAULTS = {
    "no such name": (no_such_name, "dns_nxdomain", "resolve", "shop.live.test: does not exist (asked 127.0.0.1)"),
    "a name without address": (no_address, "dns_no_address", "resolve", "shop.live.test: has no address"),
    "no address of the family": (no_address_of_the_family, "dns_no_address", "resolve", "family"),
    "a DNS server that hangs": (silent_server, "dns_timeout", "resolve", "no answer in time (asked 127.0.0.1)"),
    "one that hangs for longer than the probe may": (
        silent_server_and_little_time,
        "dns_timeout",
        "resolve",
        "deadline of 500ms exceeded",
    ),
    "lost questions": (lost_questions, "dns_timeout", "resolve", "no answer in time (asked 127.0.0.1)"),
    "a name that gets no answer": (dropped, "dns_timeout", "resolve", "no answer in time (asked 127.0.0.1)"),
    "SERVFAIL": (server_failure, "dns_error", "resolve", "Server Failure"),
    "REFUSED": (refused_question, "dns_error", "resolve", "Query Refused"),
    "no DNS server": (no_server, "dns_timeout", "resolve", "no answer in time"),
    "lost packets": (lost_packets, "tcp_timeout", "connect", "deadline of 500ms exceeded"),
    "lost answers": (lost_answers, "http_timeout", "processing", "deadline of 500ms exceeded"),
    "a host that is not there": (rejected("icmp-host-unreachable"), "tcp_unreachable", "connect", "No route to host"),
    "a net that is not there": (rejected("icmp-net-unreachable"), "tcp_unreachable", "connect", "unreachable"),
    "a firewall that refuses": (rejected("tcp-reset"), "tcp_refused", "connect", "Connection refused"),
    "a firewall that says so": (rejected("icmp-admin-prohibited"), "tcp_unreachable", "connect", "No route to host"),
    "no route": (no_route, "tcp_unreachable", "connect", "Network is unreachable"),
    "a forbidden route": (prohibited, "tcp_error", "connect", "Permission denied"),
    "no route for a datagram": (no_route_for_questions, "udp_unreachable", "connect", "Network is unreachable"),
    "a forbidden route for a datagram": (prohibited_questions, "udp_error", "connect", "Permission denied"),
    "a forbidden route for a ping": (prohibited_pings, "icmp_error", "setup", "Permission denied"),
    "a Redis that answers its host alone": (protected, "redis_protected", "login", "protected mode"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_network_has_its_reason_until_it_ends(fault, namespace, unstarted, nginx, tmp_path, request):
    make, reason, phase, *says = fault
    conf = tmp_path / "resolv.conf"
    conf.write_text(RESOLV_CONF)

    def agent(config):
        """One to whom this is /etc/resolv.conf."""
        made = unstarted(config)
        mount = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        made.wrapped_in = ["unshare", "--mount", "sh", "-c", mount, conf]
        return made.start()

    def keep(thing):
        request.addfinalizer(thing.stop)

    def check():
        names = Unbound(tmp_path / "unbound", port=53)
        keep(names)
        receiver = HttpReceiver()
        request.addfinalizer(receiver.down)
        fault = make(Net(namespace, nginx(host="0.0.0.0"), names, tmp_path, keep))
        Watched(agent, receiver, fault).fails_with(reason, phase, *says).recovers()

    namespace.call(check)
