"""A fleet whose processes are killed and whose links are cut at random, and the promises it keeps.

    GANTRY_SEED           of the schedule; printed, so that a run can be repeated
    GANTRY_FAULT_KILLS    how many faults (default 24)
    GANTRY_FAULT_SECONDS  go on with faults for so long, however many they are

Time does not decide what is right: a fault comes when the fleet has done some more, or seems to be
standing still.
"""
import collections
import os
import random
import signal
import time
import unittest

import checker
import fleet
import namespaces
import proxy
from fault_rig import LanRig, Rig, children, kill

SEED = int(os.environ.get("GANTRY_SEED", random.SystemRandom().randrange(1 << 32)))
KILLS = int(os.environ.get("GANTRY_FAULT_KILLS", 24))
SECONDS = float(os.environ.get("GANTRY_FAULT_SECONDS", 0))
FAKE_HOSTS = 8


class Schedule:
    """One fault after the other."""

    def __init__(self, rig):
        self.rig = rig
        self.random = random.Random(f"{rig.seed} schedule")
        self.done = collections.Counter()
        self.faults = [(self.kill_broker, 5), (self.hurt_link, 12), (self.kill_subscriber, 3),
                       (self.stop_subscriber, 2), (self.stop_broker, 1), (self.hurt_all_links, 2)]
        if rig.reals:
            self.faults += [(self.kill_worker, 5), (self.stop_worker, 1), (self.kill_monitor, 1),
                            (self.kill_init, 1)]

    def run(self, faults, seconds=0):
        end = time.monotonic() + seconds
        while faults > 0 or time.monotonic() < end:
            faults -= 1
            self.pass_time()
            fault = self.random.choices([fault for fault, _ in self.faults],
                                        [weight for _, weight in self.faults])[0]
            self.done[fault.__name__] += 1
            fault()

    def pass_time(self, more_max=40, seconds=1.0):
        self.rig.progress.wait_for(self.random.randrange(1, more_max), seconds)

    def kill_broker(self):
        self.rig.kill_broker()
        if self.random.random() < 0.3:
            self.pass_time()
        self.rig.start_broker()

    def stop_broker(self):
        self.rig.broker.process.send_signal(signal.SIGSTOP)
        self.pass_time()
        self.rig.broker.process.send_signal(signal.SIGCONT)

    def kill_worker(self):
        host = self.random.choice(self.rig.reals)
        host.kill()
        if self.random.random() < 0.5:
            self.pass_time()
        host.start()

    def kill_monitor(self):
        """conmon of some run: nobody will know how that run ends."""
        monitors = [pid for host in self.rig.reals for pid in host.conmons()]
        if monitors:
            kill(self.random.choice(monitors))

    def kill_init(self):
        """A process that conmon has begun: a container's, or a runtime in the middle of its work."""
        victims = [child for host in self.rig.reals for pid in host.conmons()
                   for child in children(pid)]
        if victims:
            kill(self.random.choice(victims))

    def stop_worker(self):
        self.stop_and_go_on(self.random.choice(self.rig.reals))

    def stop_subscriber(self):
        self.stop_and_go_on(self.random.choice(self.rig.subscribers))

    def stop_and_go_on(self, somebody):
        somebody.signal(signal.SIGSTOP)
        self.pass_time()
        somebody.signal(signal.SIGCONT)

    def kill_subscriber(self):
        subscriber = self.random.choice(self.rig.subscribers)
        subscriber.kill()
        if self.random.random() < 0.5:
            self.pass_time()
        subscriber.start()

    def hurt_link(self):
        self.hurt([self.random.choice(list(self.rig.links.values()))])

    def hurt_all_links(self):
        self.hurt(list(self.rig.links.values()))

    def hurt(self, links):
        """Until the next one does well again; one that is hurt may be hurt otherwise before."""
        mode = self.random.choice(proxy.MODES)
        for link in links:
            link.set_mode(mode)
        self.done[mode] += 1
        self.pass_time()
        if self.random.random() < 0.5:
            self.kill_broker()
        for link in links:
            link.set_mode("pass")


class FaultTest(fleet.FleetTest):
    def setUp(self):
        super().setUp()
        print(f"GANTRY_SEED={SEED}", flush=True)

    def make_rig(self):
        rig = Rig(self.directory, SEED)
        self.addCleanup(rig.close)
        return rig

    def assert_kept(self, rig):
        """Read the history of a fleet that has settled, and judge it."""
        rig.stop_workers()
        history = rig.history()
        complaints = (rig.failures + checker.check(history) + rig.verify_log() +
                      rig.leftovers())
        if complaints:
            self.fail(f"{len(complaints)} complaints, GANTRY_SEED={SEED}:\n" +
                      "\n".join(complaints[:40]))
        return history


class Faults(FaultTest):
    def test_the_promises_hold_under_kills_and_partitions(self):
        rig = self.make_rig()
        for number in range(FAKE_HOSTS):
            rig.add_fake_host(f"fake{number}")
        has_real = os.geteuid() == 0
        for name in ["real1", "real2"] if has_real else []:
            rig.add_real_host(name)
        rig.add_watcher("everything")
        rig.add_watcher("containers", types=["container."])
        rig.add_watcher("commands", kind=fleet.COMMAND)
        rig.add_watcher("one-host", hosts=["fake1"])
        rig.add_feed_follower("feed")
        rig.wait_for_hosts()
        fakes = [host.name_of_host for host in rig.fakes]
        for hosts in [fakes[:4], fakes[4:], fakes, *[[host.name] for host in rig.reals]]:
            rig.add_submitter(hosts)
        schedule = Schedule(rig)
        schedule.run(KILLS, SECONDS)
        rig.settle()
        print(dict(schedule.done), flush=True)
        print(self.describe(self.assert_kept(rig)), flush=True)

    @staticmethod
    def describe(history):
        unknown = sum(not one.answers for one in history.submissions)
        types = collections.Counter(r["type"] for r in history.log)
        return (f"{len(history.submissions)} submissions, {unknown} unknown, {len(history.log)} "
                f"records, {types['container.initialized']} runs, {types['host.hello']} hellos")


class Partitions(FaultTest):
    """Two workers behind cables of their own. No end of a connection is told when one is pulled."""

    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("only root can make network namespaces")
        self.hosts = ["left", "right"]
        try:
            self.lan = namespaces.Lan(self.hosts)
        except (namespaces.Unavailable, OSError) as error:
            self.skipTest(f"no network namespaces here: {error}")
        self.addCleanup(self.lan.close)
        self.rig = LanRig(self.directory, SEED, self.lan)
        self.addCleanup(self.rig.close)
        self.random = random.Random(f"{SEED} partitions")

    def pass_time(self):
        self.rig.progress.wait_for(self.random.randrange(5, 20), 2)

    def cut_off(self, hosts, meanwhile=lambda: None):
        for host in hosts:
            self.lan.cut(host)
        self.pass_time()
        meanwhile()
        self.pass_time()
        for host in hosts:
            self.lan.mend(host)

    def restart_broker(self):
        self.rig.kill_broker()
        self.rig.start_broker()

    def restart_workers(self):
        for host in self.rig.reals:
            host.kill()
            host.start()

    def test_the_promises_hold_when_cables_are_pulled(self):
        rig = self.rig
        for host in self.hosts:
            rig.add_host(host)
        rig.wait_for_hosts()
        for hosts in [["left"], ["right"], self.hosts]:
            rig.add_submitter(hosts, url=rig.url)
        partitions = [
            (self.hosts, lambda: None),
            (["left"], self.restart_workers),
            (["right"], self.restart_broker),  # whose death the worker does not see
            (self.hosts, self.restart_broker),
        ]
        self.random.shuffle(partitions)
        for hosts, meanwhile in partitions:
            self.pass_time()
            self.cut_off(hosts, meanwhile)
        rig.settle()
        print(Faults.describe(self.assert_kept(rig)), flush=True)


class Mutants(FaultTest):
    """Brokers with a fault of their own: a checker that does not find it is worth nothing."""

    def complaints_about(self, program, mode="pass"):
        rig = self.make_rig()
        rig.add_fake_host("fake")
        rig.wait_for_hosts()
        rig.program = program
        rig.kill_broker()
        rig.start_broker()
        for _ in range(2):
            rig.add_submitter(["fake"], waiting=0)
            rig.links[f"of {len(rig.submitters)}"].set_mode(mode)
        for _ in range(3):
            self.assertTrue(rig.progress.wait_for(20, fleet.DEADLINE), rig.failures)
            rig.kill_broker()
            rig.start_broker()
        self.assertTrue(rig.progress.wait_for(20, fleet.DEADLINE), rig.failures)
        rig.end_quietly()
        rig.kill_broker()
        rig.start_broker()
        return {complaint.split(":")[0] for complaint in checker.check(rig.history())}

    def test_a_broker_that_answers_before_it_commits(self):
        self.assertIn("lost", self.complaints_about("tests/gantry-broker-hasty"))

    def test_a_broker_that_does_not_know_a_command_again(self):
        self.assertIn("doubled", self.complaints_about("tests/gantry-broker-forgetful", "double"))

    def test_a_broker_that_does_both_well(self):
        unsettled = {"outcome", "journal", "effect"}  # they were given no time for it
        self.assertLessEqual(self.complaints_about("gantry-broker", "double"), unsettled)


if __name__ == "__main__":
    fleet.main()
