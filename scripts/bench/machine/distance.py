"""Joins two network namespaces by a line of a given rate and length, which tc(8) of a kernel without netem cannot make.

    python3 distance.py /run/netns/there /run/netns/here 10.77.9 1000 50 ssh 10.77.9.1 true

Both get a tun(4) device, with the addresses 10.77.9.1 and 10.77.9.2. Each packet leaves after all before it, at 1000
Mbit/s, and arrives 50 ms later. Packets that would have to wait longer than QUEUE are dropped, as a switch would. Runs
a command in the second namespace, and ends with its exit code; the line goes with it.
"""

import collections
import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time

DEVICE = "distant"
# linux/if_tun.h
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_NO_PI, IFF_VNET_HDR = 0x1, 0x1000, 0x4000
TUN_F_CSUM, TUN_F_TSO4 = 0x1, 0x2
# struct virtio_net_hdr: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset
VNET_HEADER = struct.Struct("=BBHHHH")
# IP and TCP headers of a segment, and what Ethernet adds to it, preamble and gap included.
HEADERS, FRAME = 52, 38
# Seconds in the queue of the line.
QUEUE = 0.05
# The packets are joined up to this size by the kernel (GSO).
MOST = 65536 + VNET_HEADER.size
CLONE_NEWNET = 0x40000000


class Way:
    """One direction of the line."""

    def __init__(self, source, target, rate, delay):
        self.source, self.target = source, target
        self.rate, self.delay = rate, delay
        self.free = 0.0
        self.waiting = collections.deque()

    def take(self):
        """Takes the packets that have come."""
        for _ in range(64):
            try:
                packet = os.read(self.source, MOST)
            except BlockingIOError:
                return
            now = time.monotonic()
            begin = max(now, self.free)
            if begin - now > QUEUE:
                continue
            self.free = begin + wire_bytes(packet) * 8 / self.rate
            self.waiting.append((self.free + self.delay, packet))

    def deliver(self):
        """Delivers the packets whose time has come. Returns the seconds to the next one; None if there is none."""
        while self.waiting:
            left = self.waiting[0][0] - time.monotonic()
            if left > 0:
                return left
            _, packet = self.waiting.popleft()
            try:
                os.write(self.target, packet)
            except (BlockingIOError, OSError):
                pass  # Lost, as on any line.
        return None


def wire_bytes(packet):
    """The bytes that a packet takes on Ethernet, when it has been cut into segments."""
    *_, segment, _, _ = VNET_HEADER.unpack_from(packet)
    length = len(packet) - VNET_HEADER.size
    extra = (length - HEADERS - 1) // segment if segment > 0 else 0
    return length + extra * HEADERS + (extra + 1) * FRAME


def make_end(namespace, address):
    """Makes the device in a namespace, and returns its descriptor. This process stays in that namespace."""
    with open(namespace, "rb") as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR
    fcntl.ioctl(end, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), flags))
    fcntl.ioctl(end, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4)
    for command in (
        ("ip", "address", "add", f"{address}/24", "dev", DEVICE),
        ("ip", "link", "set", DEVICE, "up", "txqueuelen", "5000"),
    ):
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return end


def main():
    there, here, network, rate, delay, *command = sys.argv[1:]
    ends = [make_end(name, f"{network}.{last}") for last, name in ((1, there), (2, here))]
    ways = [
        Way(source, target, float(rate) * 1e6, float(delay) / 1e3)
        for source, target in (ends, ends[::-1])
    ]
    with subprocess.Popen(command) as child:
        over = os.pidfd_open(child.pid)
        poll = select.epoll()
        for descriptor in (*ends, over):
            poll.register(descriptor, select.EPOLLIN)
        pause = None
        while all(descriptor != over for descriptor, _ in poll.poll(pause)):
            for way in ways:
                way.take()
            pause = min((left for way in ways if (left := way.deliver()) is not None), default=None)
    sys.exit(child.returncode)


main()
