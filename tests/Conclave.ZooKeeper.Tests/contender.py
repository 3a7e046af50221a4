"""A contender by kazoo's own election recipe, which we did not write.

Arguments: servers, path, session timeout in seconds, a file, turns.
Each turn: stand, say 'elected', make the file (there must be none: else somebody leads as well), hold until
interrupted (turns 0) or for a moment, remove the file, resign, say 'resigned'.
"""
import logging
import os
import signal
import sys
import threading
import time

from kazoo.client import KazooClient

servers, path, timeout, file, turns = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4], int(sys.argv[5])
logging.basicConfig(level=logging.ERROR)
enough = threading.Event()
signal.signal(signal.SIGINT, lambda *_: enough.set())


def say(what):
    print(what, flush=True)


def lead():
    say("elected")
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        say("OVERLAP")
        return
    if turns == 0:
        while not enough.wait(0.05):
            pass
    else:
        time.sleep(0.005)
    os.unlink(file)


client = KazooClient(hosts=servers, timeout=timeout)
client.add_listener(lambda state: say(str(state)))
client.start()
for _ in range(max(turns, 1)):
    client.Election(path, "kazoo").run(lead)
    say("resigned")
client.stop()
say("done")
