"""The worker killed before and after every step, and at every commit: nothing is stuck, nothing is
left over, every command has exactly one outcome, and the view, the journal and the host agree."""
import contextlib
import glob

from containers import (CONFIGURED, CREATED, EXITED, PAUSED, RUNNING, SLEEPER, STUBBORN,
                        ContainerTest)
from fleet import main


def points(*steps):
    return [f"{when}:{step}" for step in steps for when in ["before", "after"]]


class WorkerKilled(ContainerTest):

    def die_during(self, point, say):
        """Start a worker that will die at `point`, let `say` give it something to do, start it
        again; what say() gave."""
        worker = self.start_worker(kill_at=point)
        said = say()
        self.assertEqual(worker.wait_for_end(), -9, "\n".join(worker.lines[-20:]))
        self.start_worker_again()
        return said

    def start_worker_again(self):
        self.worker = self.start_worker()

    def stop_worker(self):
        self.assertEqual(self.worker.terminate(), 0, "\n".join(self.worker.lines[-40:]))

    def check_outcome(self, identity, expected="command.done"):
        self.outcome(identity)
        self.assertEqual(self.outcomes_of(identity), [expected])

    def prepared(self, prepare):
        """A container made by a worker that lives, which then ends."""
        self.start_worker_again()
        container = prepare()
        self.stop_worker()
        return container

    def running(self, command=SLEEPER):
        container = self.create(command)
        self.do("start", container)
        return container

    @contextlib.contextmanager
    def at(self, point):
        """One round; whatever happens in it, its worker ends with it."""
        with self.subTest(point):
            try:
                yield
                self.assert_journal_is_whole()
                self.stop_worker()
            finally:
                self.worker.stop_if_running()

    def test_create(self):
        for point in points("make-directories"):
            with self.at(point):
                container = self.new_container()
                said = self.die_during(point, lambda: self.say(
                    "create", container, config=self.config(container, SLEEPER)))
                self.check_outcome(said)
                self.wait_for_state(container, CONFIGURED)
                self.assert_at_rest(container)
                self.do("remove", container)
                self.assert_gone(container)

    def test_start(self):
        for point in points("create-runtime", "start-runtime"):
            with self.at(point):
                container = self.prepared(lambda: self.create(SLEEPER))
                said = self.die_during(point, lambda: self.say("start", container))
                self.check_outcome(said)
                self.assert_running(container)
                self.assertEqual(self.row(container)["run"], 1)
                self.do("remove", container, force=True, timeout_s=0)
                self.assert_gone(container)

    def test_start_of_what_ends_at_once(self):
        for point in points("create-runtime", "start-runtime"):
            with self.at(point):
                container = self.prepared(lambda: self.create(["/bin/sh", "-c", "exit 7"]))
                said = self.die_during(point, lambda: self.say("start", container))
                self.check_outcome(said)
                row = self.wait_for_state(container, EXITED)
                self.assertEqual(row["exit_code"], 7, row)
                self.assert_at_rest(container)
                types = [record["type"] for record in self.events(container)]
                for once in ["initialized", "started", "died"]:
                    self.assertEqual(types.count(f"container.{once}"), 1, types)
                self.do("remove", container)
                self.assert_gone(container)

    def test_start_of_what_removes_itself(self):
        for point in points("start-runtime", "delete-runtime", "remove-directories"):
            with self.at(point):
                container = self.prepared(lambda: self.create(["/bin/true"], auto_remove=True))
                said = self.die_during(point, lambda: self.say("start", container))
                self.check_outcome(said)
                self.wait_for(container, lambda row: row is None)
                self.assert_gone(container)

    def test_stop(self):
        for point in points("signal-stop", "delete-runtime"):
            with self.at(point):
                container = self.prepared(self.running)
                said = self.die_during(point, lambda: self.say("stop", container, timeout_s=20))
                self.check_outcome(said)
                row = self.wait_for_state(container, EXITED)
                self.assertTrue(row["stopped_by_user"], row)
                self.assert_at_rest(container)
                self.do("remove", container)
                self.assert_gone(container)

    def test_stop_of_what_does_not_care(self):
        for point in points("signal-kill"):
            with self.at(point):
                container = self.prepared(lambda: self.running(STUBBORN))
                said = self.die_during(point, lambda: self.say("stop", container, timeout_s=1))
                self.check_outcome(said)
                row = self.wait_for_state(container, EXITED)
                self.assertEqual(row["exit_code"], 137, row)
                self.assert_at_rest(container)

    def test_kill(self):
        for point in points("signal-asked"):
            with self.at(point):
                container = self.prepared(self.running)
                said = self.die_during(point, lambda: self.say("kill", container, signal=9))
                self.check_outcome(said)
                row = self.wait_for_state(container, EXITED)
                self.assertEqual(row["exit_code"], 137, row)
                self.assert_at_rest(container)

    def test_a_signal_that_may_have_been_sent_is_not_sent_again(self):
        for point in points("signal-asked"):
            with self.at(point):
                container = self.prepared(self.running)
                said = self.die_during(point, lambda: self.say("kill", container, signal=10))
                self.check_outcome(said, "command.failed")
                self.do("remove", container, force=True, timeout_s=0)
                self.assert_gone(container)

    def test_pause(self):
        for point in points("pause", "unpause"):
            with self.at(point):
                container = self.prepared(self.running)
                if point.endswith(":unpause"):
                    self.start_worker_again()
                    self.do("pause", container)
                    self.stop_worker()
                verb = point.split(":")[1]
                said = self.die_during(point, lambda: self.say(verb, container))
                self.check_outcome(said)
                self.wait_for_state(container, RUNNING if verb == "unpause" else PAUSED)
                self.do("remove", container, force=True, timeout_s=0)
                self.assert_gone(container)

    def test_update_of_the_limits_of_a_running_one(self):
        for point in points("update-limits"):
            with self.at(point):
                container = self.prepared(self.running)
                said = self.die_during(point, lambda: self.say("update", container, pids_limit=77))
                self.check_outcome(said)
                self.assert_running(container)
                self.assertEqual(self.row(container)["config"]["pids_limit"], 77)
                limits = [open(path).read().strip() for path in
                          glob.glob(f"/sys/fs/cgroup/*/gantry/{container}/pids.max") +
                          glob.glob(f"/sys/fs/cgroup/gantry/{container}/pids.max")]
                self.assertEqual(set(limits), {"77"} if limits else set())
                self.do("remove", container, force=True, timeout_s=0)
                self.assert_gone(container)

    def test_remove(self):
        for point in points("delete-runtime", "remove-directories"):
            with self.at(point):
                container = self.prepared(lambda: self.create(SLEEPER))
                said = self.die_during(point, lambda: self.say("remove", container))
                self.check_outcome(said)
                self.wait_for(container, lambda row: row is None)
                self.assert_gone(container)

    def test_forced_remove_of_a_running_one(self):
        for point in points("signal-kill", "delete-runtime", "remove-directories"):
            with self.at(point):
                container = self.prepared(lambda: self.running(STUBBORN))
                said = self.die_during(point, lambda: self.say("remove", container, force=True,
                                                               timeout_s=0))
                self.check_outcome(said)
                self.wait_for(container, lambda row: row is None)
                self.assert_gone(container)

    def test_init(self):
        for point in points("create-runtime"):
            with self.at(point):
                container = self.prepared(lambda: self.create(SLEEPER))
                said = self.die_during(point, lambda: self.say("init", container))
                self.check_outcome(said)
                self.wait_for_state(container, CREATED)
                self.do("start", container)
                self.assert_running(container)
                self.do("remove", container, force=True, timeout_s=0)
                self.assert_gone(container)

    def test_at_each_commit_of_a_whole_life(self):
        """create, start, stop, remove, said at once: the worker dies at its first, second, third
        ... commit, until it gets through."""
        self.start_worker_again()  # the broker has to know the host
        self.stop_worker()
        for number in range(1, 60):
            with self.at(f"committed:{number}"):
                if not self.live_and_die_at(f"committed:{number}"):
                    return
        self.fail("a whole life never ends")

    def live_and_die_at(self, point):
        """False when the life was over before."""
        container = self.new_container()
        self.worker = self.start_worker(kill_at=point, ready=r"journal\.open")
        said = [self.say("create", container, config=self.config(container, SLEEPER)),
                self.say("start", container),
                self.say("stop", container, timeout_s=1),  # its trap may not be set yet
                self.say("remove", container)]
        has_died = self.end_of_either(self.worker, said[-1])
        if has_died:
            self.start_worker_again()
        for identity in said:
            self.check_outcome(identity)
        self.assert_gone(container)
        return has_died

    def end_of_either(self, worker, identity):
        """True when the worker has killed itself, False when the command was done before."""
        while worker.process.poll() is None:
            answer = self.client.ask("outcome", id=identity, wait_ms=500)
            if answer["command"]["state"] != 1:
                return worker.process.poll() is not None
        return True


if __name__ == "__main__":
    main()
