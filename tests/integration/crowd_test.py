"""A slice of the crowd of tests/bench/thousand.py: two dozen containers, whose worker is killed,
which end all at once, and of which nothing is left."""
import os

from containers import EXITED, RUNNING
from crowd import CrowdTest
from fleet import main

COUNT = 24
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


if __name__ == "__main__":
    main()
