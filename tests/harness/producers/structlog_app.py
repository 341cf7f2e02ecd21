"""The shop as structlog tells of it, in JSON and with tracebacks as objects: `python -m harness.producers.structlog_app
ORDER…`."""

import sys

import structlog

from . import charge, restock

structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.dict_tracebacks,
        structlog.processors.JSONRenderer(),
    ],
    logger_factory=structlog.PrintLoggerFactory(sys.stderr),
)
logger = structlog.get_logger()


def settle(order):
    try:
        logger.info(f"order {order} is paid", price=charge(order))
    except LookupError:
        logger.exception(f"order {order} is not paid")


for argument in sys.argv[1:]:
    settle(int(argument))
try:
    restock("many")
except ValueError:
    logger.critical("cannot restock", exc_info=True)
