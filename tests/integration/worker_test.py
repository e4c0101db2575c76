"""The real worker: its containers outlive it, it goes on without a broker, and what cannot be
mended is told and not papered over."""
import os
import re
import shutil
import signal

from containers import (EXITED, HOST, PAUSED, RUNNING, SLEEPER, ContainerTest, Worker)
from fleet import FakeWorker, main


class WorkerLives(ContainerTest):

    def running(self, command=SLEEPER, **fields):
        container = self.create(command, **fields)
        self.do("start", container)
        return container

    def wait_for_new_run(self, container, run):
        return self.wait_for(container,
                             lambda row: row["run"] >= run and row["state"] == RUNNING)

    def test_sigterm_leaves_the_containers_running(self):
        worker = self.start_worker()
        container = self.running()
        pid = self.row(container)["pid"]
        self.assertEqual(worker.terminate(), 0)
        self.assertTrue(os.path.exists(f"/proc/{pid}"))
        self.start_worker()
        self.assert_running(container)
        self.assertEqual(self.row(container)["pid"], pid)
        self.do("remove", container, force=True, timeout_s=0)
        self.assert_gone(container)

    def test_an_exit_without_a_worker_is_told_by_the_next(self):
        worker = self.start_worker()
        fifo = os.path.join(self.rootfs, "tmp/go")
        os.mkfifo(fifo)
        container = self.running(["/bin/sh", "-c", "cat /tmp/go; exit 9"])
        worker.kill()
        with open(fifo, "w"):
            pass  # it ends when somebody has written
        self.start_worker()
        row = self.wait_for_state(container, EXITED)
        self.assertEqual(row["exit_code"], 9, row)
        self.assertFalse(row.get("exit_unknown"), row)
        self.assert_at_rest(container)

    def test_nobody_knows_the_exit_when_conmon_is_killed(self):
        self.start_worker()
        container = self.running()
        os.kill(self.conmons(container)[0], 9)
        row = self.wait_for_state(container, EXITED)
        self.assertTrue(row["exit_unknown"], row)
        self.assert_at_rest(container)

    def test_a_policy_holds_and_events_wait_without_a_broker(self):
        worker = self.start_worker()
        container = self.running(restart_policy="always")
        pid = self.row(container)["pid"]
        self.broker.kill()
        os.kill(pid, 9)
        worker.wait_for_line(r"container\.exit .* run=1 ")
        self.start_the_broker()
        self.wait_for_new_run(container, 2)
        self.assert_journal_is_whole()
        types = [record["type"].removeprefix("container.") for record in self.events(container)
                 if record["type"].startswith("container.")]
        self.assertEqual(types, ["created", "initialized", "started", "died", "cleaned",
                                 "restarting", "initialized", "started"])
        self.do("remove", container, force=True, timeout_s=0)
        self.assert_gone(container)

    def test_a_full_journal_drains_in_order_and_commands_are_taken_again(self):
        worker = self.start_worker(arguments=["--journal-events", "25"])
        container = self.running(["/bin/false"], restart_policy="always")
        self.broker.kill()
        full = worker.wait_for_line(r"journal\.full")
        last = int(re.search(r"last_seq=(\d+)", full).group(1))
        worker.process.send_signal(signal.SIGSTOP)  # so that it finds a command when it is back
        self.start_the_broker()
        early = self.say("rename", container, name="early")
        worker.process.send_signal(signal.SIGCONT)
        row = self.outcome(early)  # a busy journal may refuse it, or have drained already
        self.assertIn((row["state"], row.get("code")), [(4, "busy"), (2, None)], row)
        worker.wait_for_line(r"journal\.has_room")
        run = self.row(container)["run"]
        self.wait_for(container, lambda row: row["run"] > run)
        self.do("rename", container, name="late")
        self.assert_journal_is_whole()
        self.assertGreater(len(self.events()), last)
        self.assertEqual(len(self.outcomes_of(early)), 1)
        self.do("remove", container, force=True, timeout_s=0)
        self.assert_gone(container)

    def test_a_user_stops_what_restarts_always(self):
        self.start_worker()
        container = self.running(["/bin/false"], restart_policy="always")
        self.wait_for(container, lambda row: row["run"] >= 3)
        self.outcome(self.say("stop", container, timeout_s=0))
        self.wait_for_state(container, EXITED)
        self.do("remove", container)
        self.assert_gone(container)

    def test_pause_and_forced_remove(self):
        self.start_worker()
        container = self.running()
        self.do("pause", container)
        self.wait_for_state(container, PAUSED)
        self.do("remove", container, force=True, timeout_s=0)
        self.assert_gone(container)


class WorkerTalks(ContainerTest):

    def copy_of(self, directory):
        copy = directory + "-copy"
        shutil.copytree(directory, copy)
        return copy

    def test_a_second_worker_on_the_same_state_is_refused(self):
        first = self.start_worker()
        second = self.start(Worker(self, ready=None))
        self.assertEqual(second.wait_for_end(), 1)
        self.assertIn(f"in use by another process (pid {first.process.pid})",
                      "\n".join(second.lines))

    def test_the_state_of_another_host_is_refused(self):
        self.assertEqual(self.start_worker().terminate(), 0)
        other = self.start(Worker(self, ready=None, host="host-b"))
        self.assertEqual(other.wait_for_end(), 1)
        self.assertIn(HOST, "\n".join(other.lines))

    def test_a_fenced_worker_ends_with_its_own_code(self):
        worker = self.start_worker()
        host = self.client.query_all("hosts", key=HOST)[0]
        newer = FakeWorker(self.broker.url, HOST, incarnation=1000, journal=host["journal"])
        self.assertEqual(newer.hello().kind, "welcome")
        self.assertEqual(worker.wait_for_end(), 3, "\n".join(worker.lines[-20:]))

    def test_a_log_that_went_back_stops_the_link_but_not_the_worker(self):
        worker = self.start_worker()
        self.assertEqual(worker.terminate(), 0)
        self.assertEqual(self.broker.terminate(), 0)
        old = self.copy_of(self.state)
        self.start_the_broker()
        worker = self.start_worker()
        container = self.create(SLEEPER)
        self.do("start", container)
        self.assertEqual(worker.terminate(), 0)
        self.assertEqual(self.broker.terminate(), 0)
        shutil.rmtree(self.state)
        os.rename(old, self.state)
        self.start_the_broker()
        worker = self.start_worker(ready=r"link\.stopped")
        self.assertIn("went back", worker.wait_for_line(r"link\.stopped"))
        self.assertEqual(len(self.conmons(container)), 1)
        self.assertEqual(worker.terminate(), 0)


if __name__ == "__main__":
    main()
