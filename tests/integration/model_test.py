"""The model of the delivery protocol keeps its promises, and each of its mutants breaks one.

GANTRY_MODEL=all tries all mutants; else one of each program's, to be quick.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

MODEL = os.path.join(os.environ["GANTRY_SOURCE_DIR"], "tests/model/delivery.pml")
MUTANTS = range(1, 7) if os.environ.get("GANTRY_MODEL") == "all" else (1, 3)


class ModelTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="gantry-test-")
        self.addCleanup(shutil.rmtree, self.directory)

    def run_tool(self, *argv):
        done = subprocess.run(argv, cwd=self.directory, capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def errors(self, mutant):
        """How many the search of all states found."""
        self.run_tool("spin", f"-DMUTANT={mutant}", "-a", MODEL)
        self.run_tool("gcc", "-O1", "-w", "-DSAFETY", "-o", "pan", "pan.c")
        said = self.run_tool("./pan", "-m100000", "-n")
        if not mutant:
            self.assertNotIn("Search not completed", said)
        return int(said.split("errors: ")[1].split()[0])

    def test_no_history_breaks_a_promise(self):
        self.assertEqual(self.errors(0), 0)

    def test_every_rule_that_is_left_out_is_missed(self):
        for mutant in MUTANTS:
            with self.subTest(mutant):
                self.assertGreater(self.errors(mutant), 0)


if __name__ == "__main__":
    if shutil.which("spin") is None:
        print("skipped: there is no spin")
        sys.exit(77)
    unittest.main(verbosity=2)
