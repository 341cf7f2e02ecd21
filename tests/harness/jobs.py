"""The write side of jobs, as curl and `vigie run` see it."""

import re
import subprocess

from .agent import BINARY, environment
from .http import request
from .wait import until

LISTENING = re.compile(r"jobs check in at (http://[^/\s]+)")


def section(*jobs, listen="127.0.0.1:0"):
    """A configuration in which these jobs are expected, and all may check in."""
    return {"collectors": {"jobs": {"listen": listen, "jobs": list(jobs)}}}


def address(agent):
    """Where the agent listens for jobs, by its log."""

    def found():
        match = LISTENING.search(agent.log)
        return match and match.group(1)

    return until(found, "the agent listens for jobs")


def ping(agent, path, method="GET", **kwargs):
    """`ping(agent, "backup/start")`."""
    return request(f"{address(agent)}/ping/{path}", method, **kwargs)


def runs(agent, job):
    """How many runs had which outcome."""
    page = agent.scrape()
    return {
        sample.labels["outcome"]: int(sample.value)
        for sample in page.series("vigie_job_runs_total", job=job)
        if sample.value
    }


def command(agent, job, *program, args=()):
    """The command line of a program that runs as a job of this agent."""
    return [str(BINARY), "run", "-c", str(agent.config_file), "--job", job, *args, "--", *map(str, program)]


def telling(agent):
    """The environment of a command line that reports to this agent."""
    return environment({"VIGIE_AGENT": address(agent)})


def run(agent, job, *program, args=(), listening=True, env=None, **popen):
    """Runs a program as a job, to its end."""
    extra = {"VIGIE_AGENT": address(agent)} if listening else {}
    popen = {"stdin": subprocess.DEVNULL, "capture_output": True, "timeout": 30} | popen
    return subprocess.run(command(agent, job, *program, args=args), env=environment(extra | (env or {})), **popen)
