"""TLS towards a destination: trust, the agent's own certificate, and files that are renewed while it runs."""

import dataclasses
import shutil

import pytest
from harness.certs import Authority
from harness.oracle import Writer, judge
from harness.receiver import GrpcReceiver, HttpReceiver
from harness.sections import tailing
from harness.wait import until

KINDS = pytest.mark.parametrize("kind", [HttpReceiver, GrpcReceiver])


@pytest.fixture
def mutual(request, authority):
    """`mutual(kind)`: a receiver that wants a certificate of the authority."""

    def start(kind):
        made = kind(tls=dataclasses.replace(authority.issue(), mutual=True))
        request.addfinalizer(made.down)
        return made

    return start


@pytest.fixture
def showing(agent, tmp_path):
    """An agent that shows the certificate in `own.pem`: (agent, writer)."""

    def start(receiver, issued):
        show(tmp_path, issued)
        own = {"cert_file": str(tmp_path / "own.pem"), "key_file": str(tmp_path / "own.key")}
        tls = {"ca_file": str(receiver.tls.ca_file)} | own
        log = tmp_path / "app.log"
        started = agent(tailing(log, receiver, exporter={"tls": tls, "timeout": "2s"}))
        return started, Writer(log)

    return start


def show(directory, issued):
    """Puts a certificate and its key where the agent reads them, each by a rename, as tools that renew do."""
    for source, name in ((issued.cert_file, "own.pem"), (issued.key_file, "own.key")):
        shutil.copy(source, directory / f"{name}.new")
        (directory / f"{name}.new").rename(directory / name)


def reads(agent, outcome):
    return agent.value("vigie_export_certificate_reads_total", exporter="to0", outcome=outcome)


@KINDS
def test_the_agent_shows_its_certificate_where_one_is_wanted(mutual, showing, authority, kind):
    receiver = mutual(kind)
    started, writer = showing(receiver, authority.issue())
    writer.write(500)
    book = started.settled("app", 500)
    assert (book["delivered"], book["dropped"]) == (500, 0)
    assert judge(receiver.lines, 500).exactly_once()


@KINDS
def test_a_certificate_that_is_renewed_on_disk_is_shown_without_a_reload(
    mutual, showing, authority, kind, tmp_path, tmp_path_factory
):
    receiver = mutual(kind)
    stranger = Authority(tmp_path_factory.mktemp("stranger")).issue()
    started, writer = showing(receiver, stranger)
    writer.write(500)
    errors = lambda: started.scrape().total("vigie_export_connection_errors_total", exporter="to0")  # noqa: E731
    until(lambda: errors() >= 2, "the stranger is not let in")
    assert receiver.lines == [] and started.ledger("app")["dropped"] == 0
    show(tmp_path, authority.issue())
    started.settled("app", 500)
    assert judge(receiver.lines, 500).exactly_once()
    assert reads(started, "used") >= 1


@KINDS
def test_a_broken_renewal_leaves_the_old_certificate_in_use_and_is_said_once(
    mutual, showing, authority, kind, tmp_path
):
    receiver = mutual(kind)
    started, writer = showing(receiver, authority.issue())
    writer.write(100)
    started.settled("app", 100)
    (tmp_path / "own.key").write_text("half a k")
    for _ in range(2):
        receiver.down()
        receiver.up()
        writer.write(100)
        started.settled("app", writer.next)
    assert judge(receiver.lines, writer.next).none_lost(duplicates=200)
    assert reads(started, "failed") == 1
    assert started.log.count("cannot be used, the old ones stay") == 1


@KINDS
def test_a_receiver_whose_certificate_nobody_vouches_for_gets_nothing(
    request, showing, authority, kind, tmp_path_factory
):
    issued = Authority(tmp_path_factory.mktemp("stranger")).issue()
    receiver = kind(tls=dataclasses.replace(issued, ca_file=authority.ca_file))
    request.addfinalizer(receiver.down)
    started, writer = showing(receiver, authority.issue())
    writer.write(10)
    errors = {"exporter": "to0", "phase": "tls", "signal": "logs"}
    until(lambda: started.value("vigie_export_connection_errors_total", **errors) >= 2, "it is not trusted")
    assert receiver.lines == []
    assert started.ledger("app")["in_flight"] == 10
