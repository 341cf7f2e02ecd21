"""Requests to what a test has started; a status is an answer, not an exception."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

# No proxy from the environment: everything the tests talk to is on loopback.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Answer:
    """Status, headers (names case-insensitive) and body of an HTTP response."""

    status: int
    headers: object
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


def request(url, method="GET", headers=None, body=None, timeout=15):
    asked = urllib.request.Request(url, method=method, headers=headers or {}, data=body)
    try:
        with _opener.open(asked, timeout=timeout) as response:
            return Answer(response.status, response.headers, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())
