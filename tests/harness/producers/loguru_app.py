"""The shop's night shift, which logs by loguru to its standard error: `python -m harness.producers.loguru_app ORDER…`."""

import sys

from loguru import logger

from . import charge, restock

# As loguru formats by default, without the values of variables in tracebacks.
logger.remove()
logger.add(sys.stderr, diagnose=False)


def settle(order):
    try:
        logger.info("order {} is paid: {}", order, charge(order))
    except LookupError:
        logger.exception("order {} is not paid", order)


logger.debug("starting")
for argument in sys.argv[1:]:
    settle(int(argument))
logger.warning("stock of {} is low", "apples")
try:
    restock("many")
except ValueError:
    logger.opt(exception=True).critical("cannot restock")
