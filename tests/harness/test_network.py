"""A network of one's own is apart from the host's, and loses packets when it is told to."""

import errno
import socket
import subprocess

from harness.curl import curl


def connect(site):
    with socket.socket() as client:
        return client.connect_ex((site.host, site.port))


def test_what_is_started_inside_is_reached_from_inside_alone(namespace, nginx):
    site = namespace.call(nginx)
    assert curl(site.url).code == 7
    assert namespace.call(curl, site.url).status == 200


def test_packets_vanish_are_refused_and_arrive_again(namespace, nginx):
    site = namespace.call(nginx)

    def asked():
        return namespace.call(curl, site.url, "--connect-timeout", "0.5")

    namespace.drop("-p", "tcp", "--dport", site.port)
    assert asked().code == 28
    namespace.heal()
    assert asked().status == 200
    namespace.reject("-p", "tcp", "--dport", site.port, how="tcp-reset")
    assert namespace.call(connect, site) == errno.ECONNREFUSED
    namespace.heal()
    namespace.reject("-p", "tcp", "--dport", site.port, how="icmp-host-unreachable")
    assert namespace.call(connect, site) == errno.EHOSTUNREACH


def test_addresses_are_the_namespaces_own(namespace, nginx):
    namespace.address("192.0.2.7/32")
    site = namespace.call(nginx, host="192.0.2.7")
    assert namespace.call(curl, site.url).status == 200
    shown = subprocess.run(["ip", "address"], capture_output=True, text=True, check=True).stdout
    assert "192.0.2.7" not in shown
