"""A faulty network between the agent and a receiver: everything arrives, and twice only what was not answered."""

import socket
import threading
import time

import pytest
from harness import faulty
from harness.oracle import judge
from harness.wait import until

# What is answered is answered in time, on a busy machine too: what is not answered in time comes twice.
EXPORTER = {"timeout": "10s", "retry": {"initial": "20ms", "max": "100ms"}}
HASTY = EXPORTER | {"timeout": "1500ms"}
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"


@pytest.fixture
def between(request):
    """`between(receiver)`: a faulty proxy in front of it."""

    def start(receiver):
        made = faulty.Faulty(receiver)
        request.addfinalizer(made.close)
        return made

    return start


def errors(agent, phase):
    return agent.scrape().total("vigie_export_connection_errors_total", exporter="to0", signal="logs", phase=phase)


def arrives(agent, receiver, count, duplicates=0):
    until(lambda: not judge(receiver.lines, count).missing, "every record has come", 40, every=0.05)
    book = agent.settled("app", count)
    assert (book["delivered"], book["dropped"]) == (count, 0)
    verdict = judge(receiver.lines, count)
    assert verdict.none_lost(duplicates), verdict


@pytest.mark.parametrize(
    ("fault", "stands_still", "duplicates"),
    [
        (faulty.cut(after=0), False, 0),
        (faulty.cut(after=3_000), False, 0),
        (faulty.cut(after=3_000, reset=False), False, 0),
        (faulty.swallow(), True, 0),
        (faulty.cut_answer(), False, 1_000),
        (faulty.late(4), True, 1_000),
    ],
    ids=["reset_at_once", "reset_in_the_middle", "closed_in_the_middle", "half_open", "answer_lost", "answer_late"],
)
def test_a_connection_in_trouble_loses_nothing(pushing, between, receiver, fault, stands_still, duplicates):
    proxy = between(receiver)
    proxy.does(fault, times=2)
    exporter = HASTY if stands_still else EXPORTER
    started, writer = pushing(proxy, exporter=exporter | {"compression": "none"})
    writer.write(1_000)
    arrives(started, receiver, 1_000, duplicates * 2)
    assert started.scrape().total("vigie_export_connection_errors_total", exporter="to0") >= 1
    if stands_still:
        assert errors(started, "wait") + errors(started, "send") >= 1
    # What comes after goes through undisturbed.
    writer.write(1_000)
    arrives(started, receiver, 2_000, duplicates * 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"\x00\xff\x16\x03\x01 garbage \r\n\r\n" * 20,
        b"HTTP/1.1 200",
        b"HTTP/1.1 999999 what\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\nffff\r\nhalf a chu",
        OK + b"Content-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 307 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x-long: y\r\n" * 100_000,
    ],
    ids=["garbage", "half_a_head", "odd_status", "half_a_chunk", "half_a_body", "301", "307", "endless_head"],
)
def test_an_answer_that_is_none_is_not_taken_for_one(pushing, between, http_receiver, answer):
    proxy = between(http_receiver)
    proxy.does(faulty.says(answer), times=2)
    started, writer = pushing(proxy, exporter=EXPORTER)
    writer.write(500)
    arrives(started, http_receiver, 500)
    assert proxy.connections >= 3


def test_garbage_in_place_of_grpc_is_not_taken_for_an_answer(pushing, between, grpc_receiver):
    proxy = between(grpc_receiver)
    proxy.does(faulty.says(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), times=2)
    started, writer = pushing(proxy, exporter=EXPORTER)
    writer.write(500)
    arrives(started, grpc_receiver, 500)


def test_100_continue_is_no_answer(pushing, between, http_receiver):
    proxy = between(http_receiver)
    proxy.does(faulty.first_says(b"HTTP/1.1 100 Continue\r\n\r\n" * 3))
    started, writer = pushing(proxy, exporter=EXPORTER)
    writer.write(500)
    arrives(started, http_receiver, 500)
    assert started.scrape().total("vigie_export_connection_errors_total", exporter="to0") == 0


def test_an_endless_answer_is_not_read_to_its_end(pushing, between, http_receiver):
    proxy = between(http_receiver)
    proxy.does(faulty.says(OK + b"Content-Length: 100000000\r\n\r\n" + b"x" * 5_000_000), times=1)
    started, writer = pushing(proxy, exporter=EXPORTER)
    writer.write(500)
    # The status said that it was taken; what comes after it is too long to matter.
    started.settled("app", 500)
    writer.write(500)
    until(lambda: len(http_receiver.lines) == 500, "what came after has arrived")
    assert started.settled("app", 1_000)["delivered"] == 1_000


@pytest.mark.parametrize("lingers", [0, 1], ids=["closes", "lingers"])
def test_a_request_that_is_too_large_is_cut_though_the_answer_comes_before_its_end(
    pushing, between, http_receiver, lingers
):
    proxy = between(http_receiver)
    too_large = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    # Whoever sends more than this is answered so; what is smaller goes through.
    limit = 100_000

    def fault(ends):
        head = b""
        while b"\r\n\r\n" not in head:
            head += (byte := ends.agent.recv(1))
            if not byte:
                return
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if length > limit:
            ends.agent.sendall(too_large)
            ends.wait(lingers)
        else:
            ends.receiver.sendall(head + ends.agent.recv(length, socket.MSG_WAITALL))
            ends.agent.sendall(ends.receiver.recv(65536))

    proxy.does(fault)
    started, writer = pushing(proxy, exporter=EXPORTER | {"compression": "none"})
    writer.write(5_000)
    arrives(started, http_receiver, 5_000)


def test_a_slow_line_is_no_dead_one(pushing, between, receiver):
    proxy = between(receiver)
    # One request takes several times as long as any step may stand still.
    proxy.does(faulty.slow(200_000))
    started, writer = pushing(
        proxy, exporter={"timeout": "4s", "compression": "none", "batch": {"max_bytes": "2MiB", "max_delay": "1s"}}
    )
    # Few and long: what the receiver does with them is to take no time.
    writer.size = 2_500
    writer.write(1_000)
    arrives(started, receiver, 1_000)
    assert started.scrape().total("vigie_export_connection_errors_total", exporter="to0") == 0


def test_a_destination_that_reads_nothing_loses_nothing_while_files_rotate(pushing, between, receiver, tmp_path):
    proxy = between(receiver)
    proxy.does(faulty.deaf())
    log = tmp_path / "app.log"
    started, writer = pushing(proxy, exporter=HASTY | {"compression": "none"}, include=[f"{log}*"])
    for generation in range(1, 6):
        writer.write(4_000)
        time.sleep(0.4)
        log.rename(tmp_path / f"app.log.{generation}")
    writer.write(4_000)
    until(lambda: started.ledger("app")["in_flight"] > 0, "records wait")
    until(lambda: errors(started, "send") + errors(started, "wait") + errors(started, "connect") > 2, "it is noticed")
    assert started.ledger("app")["delivered"] == 0
    proxy.does(faulty.through())
    proxy.hang_up()
    # On a busy machine an answer may come later than the deadline: then the request is sent again.
    arrives(started, receiver, writer.next, duplicates=writer.next)


def test_a_receiver_that_is_away_for_long_is_tried_ever_more_rarely_and_for_ever(pushing, between, receiver):
    proxy = between(receiver)
    proxy.does(faulty.cut(after=0))
    started, writer = pushing(proxy, exporter=EXPORTER | {"retry": {"initial": "100ms", "max": "1s"}})
    writer.write(1_000)
    until(lambda: proxy.connections >= 12, "it was tried again and again", 30)
    waits = [after - before for before, after in zip(proxy.at, proxy.at[1:], strict=False)]
    # The first ones are short, the last ones long, none longer than it may be, and no two alike.
    assert sum(waits[:3]) < sum(waits[-3:]) and all(0.4 < wait < 5 for wait in waits[-4:]), waits
    assert max(waits[-4:]) - min(waits[-4:]) > 0.005, waits
    assert started.ledger("app")["delivered"] == 0
    proxy.does(faulty.through())
    arrives(started, receiver, 1_000)
    assert started.log.count("cannot deliver") == 1 and started.log.count("delivers again") == 1


def test_a_peer_that_vanishes_while_the_connection_is_idle_is_noticed(pushing, between, receiver):
    proxy = between(receiver)
    gone = threading.Event()

    def fault(ends):
        def up():
            while data := ends.agent.recv(65536):
                if not gone.is_set():
                    ends.receiver.sendall(data)

        def down():
            while data := ends.receiver.recv(65536):
                if not gone.is_set():
                    ends.agent.sendall(data)

        threading.Thread(target=lambda: faulty.quietly(down), daemon=True).start()
        up()

    proxy.does(fault, times=1)
    started, writer = pushing(proxy, exporter=HASTY)
    writer.write(100)
    arrives(started, receiver, 100)
    gone.set()
    writer.write(100)
    arrives(started, receiver, 200)
    assert errors(started, "wait") + errors(started, "send") >= 1
    assert proxy.connections >= 2
