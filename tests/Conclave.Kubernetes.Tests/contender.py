"""A contender by the leader election of Debian's python3-kubernetes, which we did not write.

That module (kubernetes.leaderelection) brings the rules and, in this version, a lock on ConfigMaps only; the lock on Leases below
is the few lines that its interface asks for: read, create and replace the object that was read.

Arguments: server, file with the authority, token, namespace, Lease, identity, a file, turns.
Leads when it can: says 'elected', makes the file (there must be none: else somebody leads as well), holds until killed (turns 0) or
for a moment, removes the file, gives the Lease back, says 'released'.
"""
import datetime
import logging
import os
import sys
import threading
import time

from kubernetes import client
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection import leaderelection
from kubernetes.leaderelection.electionconfig import Config
from kubernetes.leaderelection.leaderelectionrecord import LeaderElectionRecord

server, authority, token, namespace, lease, identity, file, turns = sys.argv[1:9]
logging.getLogger().setLevel(logging.ERROR)
client.Configuration.set_default(client.Configuration(host=server, api_key={"authorization": "Bearer " + token}))
client.Configuration._default.ssl_ca_cert = authority
DURATION, DEADLINE, PERIOD = 8, 6, 1  # a busy machine costs nobody a lease by accident


def say(what):
    print(what, flush=True)


def moment(text):
    """A time with microseconds, which an API server insists on."""
    at = datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc)
    return at if at.microsecond else at.replace(microsecond=1)


class LeaseLock:
    def __init__(self):
        self.api, self.name, self.namespace, self.identity = client.CoordinationV1Api(), lease, namespace, identity
        self.read = None

    def get(self, name, namespace):
        try:
            self.read = self.api.read_namespaced_lease(name, namespace)
        except ApiException as refused:
            return False, refused
        spec = self.read.spec
        if spec is None or not spec.holder_identity:
            return True, None
        return True, LeaderElectionRecord(spec.holder_identity, str(spec.lease_duration_seconds), str(spec.acquire_time), str(spec.renew_time))

    def spec(self, record, transitions):
        return client.V1LeaseSpec(holder_identity=record.holder_identity, lease_duration_seconds=int(record.lease_duration),
                                  acquire_time=moment(record.acquire_time), renew_time=moment(record.renew_time), lease_transitions=transitions)

    def create(self, name, namespace, election_record):
        try:
            self.api.create_namespaced_lease(namespace, client.V1Lease(metadata={"name": name}, spec=self.spec(election_record, 0)))
            return True
        except ApiException:
            return False

    def update(self, name, namespace, updated_record):
        try:
            self.read.spec = self.spec(updated_record, self.read.spec.lease_transitions if self.read.spec else 0)
            self.read = self.api.replace_namespaced_lease(name, namespace, self.read)
            return True
        except ApiException:
            return False

    def release(self):
        while True:
            self.get(self.name, self.namespace)
            now = str(datetime.datetime.now())
            if self.read.spec.holder_identity != identity or self.update(self.name, self.namespace, LeaderElectionRecord("", "1", now, now)):
                return


def lead():
    say("elected")
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        say("OVERLAP")
        os._exit(1)
    if int(turns) == 0:
        return
    time.sleep(0.05)
    os.unlink(file)
    lock.release()
    say("released")
    os._exit(0)


def stopped():
    say("stopped leading")
    os._exit(0)


lock = LeaseLock()
say("campaigning")
leaderelection.LeaderElection(Config(lock, DURATION, DEADLINE, PERIOD, lead, stopped)).run()
