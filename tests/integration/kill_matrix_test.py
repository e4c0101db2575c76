"""A slice of kill_matrix.py, which has a long form: some dozens of kills, whoever dies and wherever.

    GANTRY_SEED   of the slice, which is the same each time without it: what is new is looked for
                  by the long form, not by whoever changes a comment
"""
import os
import unittest

import fleet
import kill_matrix

SEED = int(os.environ.get("GANTRY_SEED", "7"))
KILLS = 24


class KillMatrix(unittest.TestCase):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can run containers")
        print(f"GANTRY_SEED={SEED}", flush=True)

    def test_after_each_kill_the_host_is_what_the_log_says(self):
        hits, _, records, failures, _ = kill_matrix.run(
            kill_matrix.parse([f"--seed={SEED}", f"--kills={KILLS}", "--lanes=1", "--every=8"]))
        kill_matrix.print_table(hits, is_long=False)
        self.assertEqual(failures, [], f"GANTRY_SEED={SEED}")
        self.assertGreaterEqual(sum(hits.values()), KILLS)
        self.assertGreater(records, 0)


if __name__ == "__main__":
    fleet.main()
