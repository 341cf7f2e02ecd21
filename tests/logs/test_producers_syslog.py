"""rsyslog and logger, in both forms of syslog: every line arrives with what it says, and its time is right."""

import time

import pytest
from harness.sections import tailing
from harness.understood import Understood, has

WARN, ERROR = 13, 17


def is_recent(record):
    assert abs(time.time() - record.raw.time_unix_nano / 1e9) < 60, (record.text, record.raw.time_unix_nano)


def send(server):
    server.log("-p", "auth.warning", "-t", "sshd", "--id=42", "Invalid user bob from 10.0.0.7", form="--rfc3164")
    detail = ("--msgid", "PAY", "--sd-id", "order@32473", "--sd-param", 'number="7"')
    server.log("-p", "local0.err", "-t", "shop", "--id=43", *detail, 'not paid: "x" [y]')


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_the_form_of_rfc_3164(zone, agent, rsyslog, http_receiver):
    server = rsyslog(zone)
    started = agent(tailing(server.traditional, http_receiver, parse="syslog", time_zone=zone))
    send(server)
    seen = Understood(started, http_receiver)
    seen.receiver.wait_logs(2)
    seen.wait(server.traditional)
    # It has neither a priority nor a year.
    is_recent(has(seen.saying("Invalid user bob"), 0, syslog__appname="sshd", process__pid=42))
    is_recent(seen.saying("not paid"))
    assert seen.parse_errors() == 0


@pytest.mark.parametrize("parse", ["syslog", "auto"])
def test_the_form_of_rfc_5424(parse, agent, rsyslog, http_receiver):
    server = rsyslog("Asia/Kolkata")
    started = agent(tailing(server.protocol23, http_receiver, parse=parse))
    send(server)
    seen = Understood(started, http_receiver)
    seen.receiver.wait_logs(2)
    seen.wait(server.protocol23)
    is_recent(has(seen.saying("Invalid user bob"), WARN, syslog__appname="sshd", syslog__facility="auth"))
    paid = has(seen.saying("not paid"), ERROR, syslog__appname="shop", syslog__msgid="PAY", syslog__facility="local0")
    is_recent(paid)
    assert "7" in str(paid.attributes)
    assert seen.parse_errors() == 0


@pytest.mark.parametrize("form", ["--rfc3164", "--rfc5424"])
def test_what_logger_itself_forms(form, agent, rsyslog, http_receiver, tmp_path):
    server = rsyslog("Asia/Kolkata")
    log = tmp_path / "sent.log"
    log.write_text(server.log("-p", "user.warning", "-t", "shop", "--id=44", "stock of apples is low", form=form))
    started = agent(tailing(log, http_receiver, parse="syslog", time_zone="Asia/Kolkata"))
    seen = Understood(started, http_receiver)
    seen.wait(log)
    is_recent(has(seen.saying("stock of apples"), WARN, syslog__appname="shop", syslog__facility="user"))
    assert seen.parse_errors() == 0
