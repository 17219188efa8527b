"""Runs pipelines, one after the other, and writes what they took to file descriptor 3, as JSON.

    rusage.py keep|discard '[[["cat", "file"], ["wc", "-c"]], [["sync", "file"]]]' 3>usage

"discard" sends what the last process of each pipeline prints to /dev/null. {"seconds": from the first start to the last
end, "processes": [{"cpuSeconds": user and system, "peakBytes": resident}, ...]}, in the order in which they were given;
each with the children that it waited for. Exits with 1 when one of them fails.

In Python for wait4(2): it tells what each single child used, exactly and whatever the child does, and Node does not
have it. A peak of some 10 MB or less is that of this program, which every child is until it calls execve(2).
"""

import json
import os
import shlex
import signal
import sys
import time

# What this program ignores, its children shall not.
RESTORED = (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ)


def start(pipeline, output):
    """Starts the processes of a pipeline and returns their ids."""
    pids = []
    source = 0
    for index, command in enumerate(pipeline):
        last = index == len(pipeline) - 1
        reader, writer = (None, output) if last else os.pipe()
        files = [(os.POSIX_SPAWN_DUP2, source, 0), (os.POSIX_SPAWN_DUP2, writer, 1)]
        pids.append(
            os.posix_spawnp(
                command[0], command, os.environ, file_actions=files, setsigdef=RESTORED
            )
        )
        for ours in (source, writer):
            if ours not in (0, output):
                os.close(ours)
        source = reader
    return pids


def failure(status):
    """How a process failed; None where it did not."""
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return None
    return f"exit code {code}" if code > 0 else signal.Signals(-code).name


def main():
    mode, pipelines = sys.argv[1], json.loads(sys.argv[2])
    # The terminal sends ctrl-C to the children as well: wait until they have ended.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.set_inheritable(3, False)
    output = os.open(os.devnull, os.O_WRONLY) if mode == "discard" else 1

    processes = []
    begin = time.monotonic()
    for pipeline in pipelines:
        failures = []
        for command, pid in zip(pipeline, start(pipeline, output)):
            _, status, usage = os.wait4(pid, 0)
            processes.append(
                {
                    "cpuSeconds": usage.ru_utime + usage.ru_stime,
                    "peakBytes": usage.ru_maxrss * 1024,
                }
            )
            how = failure(status)
            if how is not None:
                failures.append(f"{shlex.join(command)} ended with {how}")
        if failures:
            sys.exit("; ".join(failures))
    seconds = time.monotonic() - begin
    os.write(3, json.dumps({"seconds": seconds, "processes": processes}).encode())


main()
