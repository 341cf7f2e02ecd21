"""The command of the campaign: see tests/campaign."""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from .agent import Agent
from .campaign import bound, campaign
from .receiver import GrpcReceiver, HttpReceiver


def main():
    parser = argparse.ArgumentParser(prog="tests/campaign", description="kill -9 at random points; nothing is missing.")
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument(
        "--seed", type=int, default=time.time_ns() % 10**9, help="of what is done when, not of how fast"
    )
    parser.add_argument("--spool", action="store_true", help="with the spool on disk")
    parser.add_argument("--grpc", action="store_true", help="to a gRPC receiver")
    parser.add_argument("--rate", type=int, default=400, help="lines per second and file, of which there are four")
    options = parser.parse_args()
    receiver = GrpcReceiver() if options.grpc else HttpReceiver()
    directory = Path(tempfile.mkdtemp(prefix="vigie-campaign-"))
    print(f"seed {options.seed}, everything under {directory}", flush=True)
    agent = Agent(directory / "agent")
    spool = {"mode": "disk"} if options.spool else None
    try:
        outcome = campaign(
            agent,
            receiver,
            directory / "logs",
            options.kills,
            options.seed,
            spool,
            options.rate,
            tell=lambda text: print(text, flush=True),
        )
    finally:
        agent.stop()
        receiver.down()
    print(outcome)
    lost = not outcome.verdict.none_lost(duplicates=options.kills * bound(options.rate))
    if lost or outcome.most_at_once > bound(options.rate):
        sys.exit(1)
    shutil.rmtree(directory)


if __name__ == "__main__":
    main()
