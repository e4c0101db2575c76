"""Many workers and many subscribers, in small; tests/bench/scale.py and long_check.py have the
numbers that are meant."""
import os
import unittest

import fleet
from fleet import Client, FleetTest, container_id
from long_check import check, parse
from simulated import ScaleBroker, SimulatedWorkers, free_port


class ScaleTest(FleetTest):
    def start_broker_at(self, port):
        return self.start(ScaleBroker(self.state, port))

    def start_workers(self, broker, count):
        workers = SimulatedWorkers(broker.urls, count)
        self.addCleanup(workers.close)
        workers.join()
        return workers

    def submit_to_all(self, broker, workers, sequence):
        client = Client(broker.url)
        for number, host in enumerate(workers.hosts):
            answer = client.submit(type="container.create", host=host,
                                   container=container_id(1000 * sequence + number),
                                   id=fleet.command_id(number + 1, sequence),
                                   body={"config": dict(fleet.CONFIG, name=f"c{sequence}")})
            self.assertEqual(answer.kind, "submitted")
            self.assertNotIn("code", answer)

    def test_every_worker_comes_back_and_gets_its_commands_after_the_broker_was_killed(self):
        port = free_port()
        broker = self.start_broker_at(port)
        workers = self.start_workers(broker, 60)
        self.submit_to_all(broker, workers, 1)
        workers.say("await", "commands", 60)
        broker.kill()
        broker = self.start_broker_at(port)
        self.submit_to_all(broker, workers, 2)
        state = workers.say("await", "commands", 120)
        self.assertEqual((state["commands"], state["fenced"]), (120, 0))
        workers.say("await", "acked")

    def test_a_journal_that_grew_without_a_broker_drains_once_and_in_order(self):
        broker = self.start_broker_at(free_port())
        workers = self.start_workers(broker, 1)
        client = Client(broker.url)
        config = dict(fleet.CONFIG, restart_policy="always")
        client.submit(type="container.create", host="sim0", container=container_id(1),
                      id=fleet.command_id(1, 1), body={"config": config})
        client.submit(type="container.start", host="sim0", container=container_id(1),
                      id=fleet.command_id(1, 2))
        workers.say("await", "runs", 1)
        workers.say("await", "acked")
        workers.say("leave", 0, 1)
        before = workers.say("status")["acked"]
        workers.say("fill", 0, 1, 5000)
        workers.say("join", 0, 1)
        state = workers.say("await", "acked")
        self.assertGreaterEqual(state["acked"], before + 5000)
        events = [found["journal_seq"] for found in client.watch_all(hosts=["sim0"])
                  if found["stream"] == "evt/sim0"]
        self.assertEqual(events, list(range(1, state["events"] + 1)))

    def test_everybody_is_killed_and_the_log_keeps_its_promises(self):
        options = parse(["--events", "12000", "--subscribers", "20", "--kills", "12", "--hosts", "8",
                         "--processes", "2", "--slow", "3", "--paused", "3", "--exits", "2000",
                         "--rate", "200", "--report", "60", "--retain", "1g",
                         "--seed", os.environ.get("GANTRY_SEED", "5")])
        self.assertEqual(check(options), [])

    def test_a_trimmed_log_is_missed_by_nobody_silently(self):
        options = parse(["--events", "12000", "--subscribers", "10", "--kills", "4", "--hosts", "8",
                         "--processes", "2", "--slow", "2", "--paused", "3", "--exits", "2000",
                         "--rate", "200", "--report", "60", "--retain", "1m", "--seed", "6",
                         "--trimmed", "1000"])
        self.assertEqual(check(options), [])


if __name__ == "__main__":
    fleet.main()
