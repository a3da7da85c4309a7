"""A bad wire between two networks: what goes in at one end comes out at the other later, or not at all.

    wire.py HERE THERE DELAY_MS LOST_PERCENT

HERE and THERE are processes of the two networks, each of which has a device `wire` (`ip tuntap add dev wire mode tun`). It says `ready` once
both ends are plugged in. A wire that is stopped (SIGSTOP) carries nothing; it goes on with what the ends still held for it.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

here, there, delay_s, lost = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000, float(sys.argv[4]) / 100

NEW_NETWORK = 0x40000000
SET_DEVICE, TUN, NO_HEADER = 0x400454CA, 0x0001, 0x1000
LARGEST = 65536


def end(process):
    """The end of the wire in the network of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{process}/ns/net") as space:
        if libc.setns(space.fileno(), NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "setns")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, SET_DEVICE, struct.pack("16sH22x", b"wire", TUN | NO_HEADER))
    return tun


ends = [end(here), end(there)]
others = dict(zip(ends, reversed(ends)))
# The same packets of each run are lost, as far as the runs are the same.
chance = random.Random(4747)
under_way = []
print("ready", flush=True)
while True:
    patience = max(0, under_way[0][0] - time.monotonic()) if under_way else None
    readable, _, _ = select.select(ends, [], [], patience)
    for source in readable:
        packet = os.read(source, LARGEST)
        if chance.random() >= lost:
            heapq.heappush(under_way, (time.monotonic() + delay_s, others[source], packet))
    while under_way and under_way[0][0] <= time.monotonic():
        _, sink, packet = heapq.heappop(under_way)
        os.write(sink, packet)
