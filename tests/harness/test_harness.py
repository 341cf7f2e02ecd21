"""The tests' own instruments, tested: an oracle that sees nothing would call everything well."""

import gzip

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc as logs_grpc

from harness.http import request
from harness.oracle import Verdict, judge, record
from harness.otlp import REQUESTS
from harness.receiver import GrpcReceiver, HttpReceiver, partial, refuse
from harness.wait import until


def lines(*numbers):
    return [record(number) for number in numbers]


def test_all_records_are_exactly_once():
    assert judge(lines(0, 1, 2), 3).exactly_once()


@pytest.mark.parametrize(
    "delivered, wrong",
    [
        (lines(0, 2), {"missing": [1]}),
        (lines(0, 1, 1, 2), {"duplicates": 1}),
        (lines(0, 2, 1), {"reordered": 1}),
        (lines(0, 1, 2, 3), {"unknown": [3]}),
    ],
)
def test_each_way_of_being_wrong_is_told_apart(delivered, wrong):
    verdict = judge(delivered, 3)
    assert verdict == Verdict(3, **wrong)
    assert verdict.exactly_once() == ("reordered" in wrong)


def test_a_duplicate_does_not_hide_a_loss():
    verdict = judge(lines(0, 0, 2), 3)
    assert (verdict.missing, verdict.duplicates) == ([1], 1)
    assert not verdict.none_lost(duplicates=5)


@pytest.mark.parametrize("damaged", [record(1)[:-1], record(1)[5:], record(1).replace("xx", "xy", 1), record(1) * 2])
def test_a_damaged_record_is_corrupt_and_missing(damaged):
    verdict = judge([record(0), damaged], 2)
    assert len(verdict.corrupt) == 1 and verdict.missing == [1]


def test_each_stream_has_its_own_numbers():
    lines = [record(0, stream="a"), record(0, stream="b"), record(2, stream="b"), record(1, stream="b")]
    lines += [record(1, stream="c"), record(0)]
    verdict = judge(lines, {"a": 2, "b": 2, "c": 2})
    assert sorted(verdict.missing) == ["a/1", "c/0"]
    assert sorted(verdict.unknown) == ["/0", "b/2"]
    assert (verdict.expected, verdict.duplicates, verdict.reordered) == (6, 0, 1)
    assert judge(lines[1:4], {"b": 3}).exactly_once()


def an_export(*bodies):
    message = REQUESTS["logs"]()
    scope = message.resource_logs.add().scope_logs.add()
    for body in bodies:
        scope.log_records.add().body.string_value = body
    return message


def post(receiver, message):
    headers = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
    return request(receiver.url + "/v1/logs", "POST", headers, gzip.compress(message.SerializeToString()))


def test_the_http_receiver_records_refuses_and_comes_back():
    receiver = HttpReceiver()
    try:
        receiver.answers(refuse(503, retry_after=2), times=1)
        refused = post(receiver, an_export("a"))
        assert (refused.status, refused.headers["Retry-After"]) == (503, "2")
        assert post(receiver, an_export("a", "b")).status == 200
        assert receiver.lines == ["a", "b"]
        receiver.down()
        with pytest.raises(OSError):
            post(receiver, an_export("c"))
        receiver.up()
        receiver.answers(partial(lambda item: item.text == "d"), times=1)
        assert post(receiver, an_export("c", "d")).status == 200
        assert receiver.lines == ["a", "b", "c"]
    finally:
        receiver.down()


def test_the_grpc_receiver_records_refuses_and_comes_back():
    receiver = GrpcReceiver()
    try:
        stub = logs_grpc.LogsServiceStub(grpc.insecure_channel(f"127.0.0.1:{receiver.port}"))
        receiver.answers(refuse(429, retry_after=1), times=1)
        with pytest.raises(grpc.RpcError) as refused:
            stub.Export(an_export("a"), timeout=5)
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        stub.Export(an_export("a"), timeout=5)
        receiver.down()
        with pytest.raises(grpc.RpcError):
            stub.Export(an_export("b"), timeout=1)
        receiver.up()
        until(lambda: stub.Export(an_export("b"), timeout=5, wait_for_ready=True) is not None, "it is back")
        assert receiver.lines == ["a", "b"]
    finally:
        receiver.down()
