"""The suite of benchmarks without a benchmark: its parts, its results, its table and plots."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, "tests/bench")
sys.path.insert(0, BENCH)

import catalog  # noqa: E402
import figures  # noqa: E402
import plots  # noqa: E402
import report  # noqa: E402
import results  # noqa: E402
import suite  # noqa: E402

MACHINE = {"system": "s", "kernel": "k", "processor": "p", "processors": 2, "memory_mib": 1,
           "file_system": "f", "control_groups": "v2", "virtual": True, "versions": {"runc": "1"}}
PART = {"name": "start", "command": "c", "commit": "d", "began": "e", "seconds": 1.5, "load_before": 0.1,
        "load_after": 0.2}
KEPT = os.path.join(ROOT, "docs/benchmarks")


def line(figure, peer, samples, **more):
    return {"figure": figure, "peer": peer, "unit": "ms", "samples": samples, **more}


def every_figure():
    """Lines of one part that has measured everything."""
    lines = [{"missing": "docker", "why": "it is not there"}]
    for figure in catalog.FIGURES:
        beside = {mark.beside for mark in figure.marks} | {figure.floor} - {None}
        for number, peer in enumerate(sorted({"Gantry", "podman"} | beside - {None})):
            for at in [10, 100, 1000] if figure.x else [None]:
                more = {"at": at} if at else {}
                lines.append(line(figure.name, peer, [1 + number, 2.5, 40], **more))
    return lines


class Bench(unittest.TestCase):

    def made(self, lines):
        found = results.empty(True, MACHINE)
        results.replace_part(found, PART, results.take_figures("start", "c", lines),
                             results.take_missing("start", lines))
        self.assertEqual(results.complaints(found), [])
        return found

    def figure(self, lines):
        return self.made(lines)["figures"][0]

    def test_every_part_is_a_script_that_is_there(self):
        listed = subprocess.run([os.path.join(ROOT, "ops/bench"), "--list"], check=True,
                                capture_output=True, text=True).stdout
        for name, (_, *forms) in suite.PARTS.items():
            self.assertIn(name, listed)
            for words in forms:
                self.assertTrue(os.access(os.path.join(BENCH, words.split()[0]), os.X_OK), words)

    def test_a_mark_beside_a_floor_is_the_floors_median_and_more(self):
        found = self.figure([line("start", "floor", [50, 60, 70]), line("start", "Gantry", [61, 66, 90])])
        self.assertEqual([(wanted["value"], wanted["is_reached"]) for wanted in found["wanted"]],
                         [(66, True), (75, False)])
        self.assertEqual(found["peers"]["Gantry"]["ratio"], 1.1)

    def test_a_mark_without_its_peer_says_nothing(self):
        found = self.figure([line("start", "Gantry", [61, 66, 90])])
        self.assertNotIn("is_reached", found["wanted"][0])

    def test_rates_are_to_be_reached_from_below(self):
        found = self.figure([line("command-rate", "Gantry", [39999])])
        self.assertFalse(found["wanted"][0]["is_reached"])

    def test_few_samples_have_their_worst_as_p99(self):
        self.assertEqual([figures.nearest_rank([3, 1, 2], part) for part in (0.05, 0.5, 0.99)], [1, 2, 3])

    def test_an_unknown_figure_is_an_error_of_the_script(self):
        self.assertRaises(results.UnknownFigure, self.made, [line("nothing", "Gantry", [1])])

    def test_a_part_that_runs_again_replaces_what_it_had_found(self):
        found = self.made(every_figure())
        results.replace_part(found, PART, results.take_figures("start", "c", [line("ps", "Gantry", [1])]), [])
        self.assertEqual(([figure["name"] for figure in found["figures"]], found["missing"]), (["ps"], []))

    def test_what_holds_not_to_the_schema_is_said(self):
        found = self.made([line("ps", "Gantry", [1])])
        found["figures"][0]["peers"]["Gantry"]["median"] = "fast"
        self.assertEqual(len(results.complaints(found)), 1)

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
    def test_whatever_is_measured_stands_in_the_table_and_is_drawn(self):
        found = self.made(every_figure())
        with tempfile.TemporaryDirectory() as directory:
            report.write(found, directory)
            with open(os.path.join(directory, "results.md"), encoding="utf-8") as file:
                table = file.read()
            for figure in catalog.FIGURES:
                self.assertIn(figure.title, table)
            self.assertIn("docker (part start): it is not there", table)
            for name in catalog.PLOTS:
                xml.etree.ElementTree.parse(os.path.join(directory, f"{name}.svg"))

    def test_every_panel_is_a_figure(self):
        for names in catalog.PLOTS.values():
            self.assertLessEqual(set(names), set(catalog.BY_NAME))

    @unittest.skipUnless(os.path.exists(os.path.join(KEPT, "results.json")), "nothing is kept yet")
    def test_the_kept_table_is_of_the_kept_results(self):
        found = results.read(os.path.join(KEPT, "results.json"))
        self.assertEqual(results.complaints(found), [])
        with open(os.path.join(KEPT, "results.md"), encoding="utf-8") as file:
            self.assertEqual(file.read(), report.table(found))
        drawn = {name for name, names in catalog.PLOTS.items() if plots.panels(found, names)}
        self.assertEqual({name[:-4] for name in os.listdir(KEPT) if name.endswith(".svg")}, drawn)


if __name__ == "__main__":
    unittest.main(verbosity=2)
