"""Applications that log as those of their framework do, by its own configuration: see harness/producing.py.

What they share is a shop in which a price may be missing.
"""

PRICES = {1: 999, 2: 2500}


class MissingPrice(LookupError):
    """An order that cannot be paid."""


def charge(order):
    """Fails for an order without a price, with what caused it."""
    try:
        return PRICES[order]
    except KeyError as error:
        raise MissingPrice(f"order {order} has no price") from error


def restock(name):
    """Fails for another reason than `charge`, at another place."""
    return int(name)
