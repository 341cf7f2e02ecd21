"""The shop's accounts, which log by `logging` with its basic configuration: `python -m … ORDER…`."""

import logging
import sys

from . import charge, restock

# One record in the default form, and the rest in the one that its documentation shows.
logging.warning("stock of %s is low", "apples")
logging.basicConfig(format="%(asctime)s - %(name)s - %(levelname)s - %(message)s", level=logging.DEBUG, force=True)
accounts = logging.getLogger("shop.accounts")

for argument in sys.argv[1:]:
    try:
        accounts.info("order %s is paid: %s", argument, charge(int(argument)))
    except LookupError:
        accounts.exception("order %s is not paid", argument)
try:
    restock("many")
except ValueError:
    accounts.critical("cannot restock", exc_info=True)
