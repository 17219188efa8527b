"""Joins two commands by a network link of a given rate: what the first one prints, the second one reads.

    unshare --map-root-user --net python3 link.py 1gbit '["cat", "file"]' '["wc", "-c"]'

Each has a network of its own, and the two are the ends of a veth(4) pair, both with a token bucket (tc-tbf(8)). They
talk over one TCP connection, with no delay but that of the queue. The first one reads what this program does. The
networks go when the processes do. Exits with 1 when one of the two fails.
"""

import json
import os
import socket
import subprocess
import sys

DEVICE = "bench0"
NEAR, FAR = "192.0.2.1", "192.0.2.2"
PORT = 7000


def attach(address, rate):
    """Gives this end of the link its address and its rate."""
    run("ip", "address", "add", f"{address}/24", "dev", DEVICE)
    run("ip", "link", "set", DEVICE, "up")
    # A burst as large as what the kernel segments at once, and a queue as short as that of a switch.
    bucket = ("rate", rate, "burst", "256kb", "latency", "10ms")
    run("tc", "qdisc", "add", "dev", DEVICE, "root", "tbf", *bucket)


def run(*command):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def far(rate, command):
    """The other end: is told on standard input that it has its device, and says when it can be connected to."""
    print("apart", flush=True)
    sys.stdin.readline()
    attach(FAR, rate)
    with socket.create_server((FAR, PORT)) as server:
        print("listening", flush=True)
        connection, _ = server.accept()
    os.dup2(connection.fileno(), 0)
    os.dup2(2, 1)
    os.execvp(command[0], command)


def near(rate, command, other):
    """This end. Returns whether both commands did well."""
    apart = ["unshare", "--net", sys.executable, __file__, "--far", rate, other]
    with subprocess.Popen(
        apart, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as there:
        there.stdout.readline()
        pair = ("type", "veth", "peer", "name", DEVICE, "netns", str(there.pid))
        run("ip", "link", "add", DEVICE, *pair)
        attach(NEAR, rate)
        print(file=there.stdin, flush=True)
        there.stdout.readline()
        with socket.create_connection((FAR, PORT)) as connection:
            here = subprocess.run(command, stdout=connection, check=False)
    return here.returncode == 0 and there.returncode == 0


def main():
    if sys.argv[1] == "--far":
        far(sys.argv[2], json.loads(sys.argv[3]))
    rate, command, other = sys.argv[1:]
    if not near(rate, json.loads(command), other):
        sys.exit(1)


main()
