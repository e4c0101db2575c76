"""A slice of the crowd of tests/bench/thousand.py: two dozen containers, whose worker is killed,
which end all at once, and of which nothing is left; and two hundred that nobody disturbs."""
import os

from containers import EXITED, RUNNING
from crowd import CrowdTest
from fleet import main

COUNT = 24
QUIET_COUNT = 200
QUIET_SECONDS = 8
# In this time: the poll that may end, and the bus's own timers. One timer for each container would
# be many more.
QUIET_CALLS = 30
QUIET_WINDOWS = 10  # tried at most: what was begun before may still be on its way
# Ends when somebody has opened the other end of the pipe, with a code of its own.
WAITING = "read line < /tmp/go; exit {}"


class Crowd(CrowdTest):

    def setUp(self):
        super().setUp()
        self.pipe = os.path.join(self.rootfs, "tmp/go")
        os.mkfifo(self.pipe)
        self.crowd, _ = self.create_all(
            COUNT, lambda number: ["/bin/sh", "-c", WAITING.format(100 + number)])
        self.start_all(self.crowd)

    def let_go(self):
        """All of them at once."""
        with open(self.pipe, "w", encoding="ascii"):
            pass

    def check_ends(self):
        """Each has its own exit code, journalled once."""
        self.follower.wait_until(lambda: self.follower.counts["container.cleaned"] >= COUNT)
        rows = self.rows()
        for number, container in enumerate(self.crowd):
            row = rows[container]
            self.assertEqual((row["state"], row["exit_code"], row.get("exit_unknown", False)),
                             (EXITED, 100 + number, False), row)
            self.assertEqual(len(self.follower.events[container, "container.died"]), 1)
        self.remove_all(self.crowd)
        self.assertEqual(self.inventory(self.crowd), [])
        self.assert_journal_is_whole()

    def test_all_are_adopted_and_end_at_once(self):
        self.worker, began = self.die_again(self.worker)
        self.first_word(self.worker, began, self.crowd[0])
        adopted = [line for line in self.worker.lines if "container.adopted" in line]
        self.assertEqual(len(adopted), COUNT)
        self.assertEqual({row["state"] for row in self.rows().values()}, {RUNNING})
        self.let_go()
        self.check_ends()

    def test_all_end_while_the_worker_is_killed_and_killed_again(self):
        self.worker.kill()
        self.let_go()
        second = self.start_worker(ready=r"container\.exit")  # it has begun to take up what was left
        second.kill()
        third = self.start_worker(ready="link.up")
        third.kill()
        self.worker = self.start_worker()
        self.check_ends()

    def test_exit_files_of_other_runs_end_nobody(self):
        rows = self.rows()
        self.worker.kill()
        for container in self.crowd:
            for run in [rows[container]["run"] - 1, rows[container]["run"] + 1]:
                self.leave_exit_file(f"{container}-{run}")
        self.leave_exit_file(f"{'0123456789abcdef' * 4}-1")  # of a container that nobody knows
        self.worker = self.start_worker()
        self.assertEqual(self.follower.counts["container.died"], 0)
        self.assertEqual({row["state"] for row in self.rows().values()}, {RUNNING})
        self.leave_exit_file(f"{self.crowd[0]}-{rows[self.crowd[0]]['run'] + 1}")  # and while it runs
        self.let_go()
        self.check_ends()

    def leave_exit_file(self, name):
        """As conmon does: renamed into place."""
        path = os.path.join(self.worker_run, "exits", name)
        with open(f"{path}.new", "w", encoding="ascii") as file:
            file.write("77")
        os.rename(f"{path}.new", path)


class QuietCrowd(CrowdTest):

    def test_nobody_wakes_up_for_two_hundred_that_run(self):
        crowd, _ = self.create_all(QUIET_COUNT, lambda number: ["/bin/sleep", "100000"])
        self.start_all(crowd)
        calls = []
        while not calls or (len(calls[-1]) > QUIET_CALLS and len(calls) < QUIET_WINDOWS):
            calls.append(self.calls_of_worker(QUIET_SECONDS))
        self.assertLessEqual(len(calls[-1]), QUIET_CALLS, calls[-1])


if __name__ == "__main__":
    main()
