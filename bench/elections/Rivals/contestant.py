"""A contestant by kazoo's own election recipe, which we did not write.

Arguments: servers, path, value, session timeout in seconds. Told "stand" it says "elected NS" once it leads; told
"resign" it says "resigned NS", the time being that of giving up, on CLOCK_MONOTONIC. Ends with its input.
"""
import os
import queue
import sys
import threading
import time

from kazoo.client import KazooClient

servers, path, value, timeout = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
client = KazooClient(hosts=servers, timeout=timeout)
client.start()
election = client.Election(path, value)
turns, resign = queue.Queue(), queue.Queue()
gave_up = 0


def lead():
    global gave_up
    print("elected", time.monotonic_ns(), flush=True)
    resign.get()
    gave_up = time.monotonic_ns()


def take_turns():
    while True:
        turns.get()
        election.run(lead)
        print("resigned", gave_up, flush=True)


threading.Thread(target=take_turns, daemon=True).start()
print("ready", flush=True)
for order in sys.stdin:
    (turns if order.strip() == "stand" else resign).put(None)
os._exit(0)
