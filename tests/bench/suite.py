#!/usr/bin/python3
"""The suite: runs the benchmarks one after the other, keeps their figures, draws them.

Started by ops/bench, which builds first; see there. Each part is one command of this folder, whose
rounds are interleaved with those of its peers; a part that fails is said so and leaves the others
alone. Each has its own date, commit and load in the results, so that one can be run again by itself.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

import machine
import report
import results

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PATIENCE = 1500  # seconds for one part

# name: what it is about; the command's words in the whole form and in the quick one.
PARTS = {
    "start": ("one container: start and exit beside floor, podman, docker",
              "start_and_exit.py 60", "start_and_exit.py 6"),
    "crowd": ("1,000 containers on one worker: rate, memory, idle, exits",
              "thousand.py 1000", "thousand.py 60"),
    "durable": ("durable commands and events, plain and over TLS, beside the disk and Redis",
                "durable.py 5", "durable.py 1 --requests 100"),
    "brokers": ("events beside other brokers",
                "durable.py 3 --peers", "durable.py 1 --peers --requests 60"),
    "storm": ("a broker restarted under its workers", "scale.py storm 10000", "scale.py storm 500"),
    "idle": ("workers that wait", "scale.py idle 10000", "scale.py idle 500"),
    "commands": ("the cost of a command by the number of workers",
                 "scale.py commands 10 100 1000 10000", "scale.py commands 10 100"),
    "load": ("1,000 workers, 100,000 containers, 200 subscribers",
             "scale.py load 20 100", "scale.py load 5 2"),
    "first": ("from the start of a program to what it does first",
              "first_command.py 20 10000000", "first_command.py 5 100000"),
    "ps": ("gantry ps, and the broker's memory, by the number of containers",
           "listing.py 20 100", "listing.py 3 10"),
    "storage": ("images and containers' files, beside podman",
                "storage.py 50 6 50 2", "storage.py 20 2 10 1"),
    "history": ("what the fleet was at random positions of a long log",
                "history.py 200 10000000 3", "history.py 20 100000 1"),
    "feed": ("the feed by the number of subscribers",
             "feed.py 10 100 1000 10000", "feed.py 10 100"),
}


def say(text):
    print(f"ops/bench: {text}", file=sys.stderr, flush=True)


def commit():
    argv = ["git", "-c", "safe.directory=*", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12"]
    return machine.output(argv) or "unknown"


class Run:
    """One part: its lines, and why it ended too early."""

    def __init__(self, words, directory):
        script, *rest = words.split()
        self.command = f"tests/bench/{script} --json {' '.join(rest)}"
        self.argv = [os.path.join(HERE, script), "--json", *rest]
        self.directory = directory
        self.lines = []
        self.failure = None

    def take(self, stream):
        for text in stream:
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if isinstance(line, dict) and ("figure" in line or "missing" in line):
                self.lines.append(line)
            else:
                say(text.rstrip())

    def go(self):
        process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True, cwd=ROOT,
                                   env={**os.environ, "TMPDIR": self.directory})
        reader = threading.Thread(target=self.take, args=(process.stdout,))
        reader.start()
        try:
            status = process.wait(PATIENCE)
            if status != 0:
                self.failure = f"ended with {status}"
        except subprocess.TimeoutExpired:
            process.terminate()
            process.wait()
            self.failure = f"did not end within {PATIENCE} s"
        reader.join()


def measure(name, is_quick, found):
    title, whole, quick = PARTS[name]
    say(f"{name}: {title}")
    part = {"name": name, "commit": commit(), "load_before": machine.load(),
            "began": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())}
    began = time.monotonic()
    # A short name: podman wants it, and sockets.
    with tempfile.TemporaryDirectory(prefix="gs-", ignore_cleanup_errors=True) as directory:
        run = Run(quick if is_quick else whole, directory)
        run.go()
    part.update(command=run.command, seconds=round(time.monotonic() - began, 1),
                load_after=machine.load())
    if run.failure:
        part["failure"] = run.failure
        say(f"{name}: {run.command} {run.failure}")
    results.replace_part(found, part, results.take_figures(name, run.command, run.lines),
                         results.take_missing(name, run.lines))
    return run.failure is None


def older_results(path, names, is_quick):
    """What the parts that do not run now have measured before, in the same form."""
    if set(names) == set(PARTS) or not os.path.exists(path):
        return None
    found = results.read(path)
    return found if found.get("is_quick") == is_quick else None


def parse():
    parser = argparse.ArgumentParser(prog="ops/bench", description="Measure Gantry beside its peers.")
    parser.add_argument("parts", nargs="*", metavar="PART", help="only these; --list names them")
    parser.add_argument("--quick", action="store_true", help="a few minutes: whether it works, little more")
    parser.add_argument("--out", metavar="DIRECTORY",
                        help="for results.json, results.md and plots (default: docs/benchmarks; of a "
                             "quick run build/bench)")
    parser.add_argument("--list", action="store_true", help="name the parts and their commands")
    parser.add_argument("--draw", action="store_true", help="only make table and plots of results.json")
    options = parser.parse_args()
    for name in options.parts:
        if name not in PARTS:
            parser.error(f"there is no part {name!r}: --list names them")
    return options


def list_parts():
    for name, (title, whole, quick) in PARTS.items():
        print(f"{name:10} {title}\n{'':10}   tests/bench/{whole}\n{'':10}   quick: {quick}")


def main():
    options = parse()
    if options.list:
        list_parts()
        return 0
    out = options.out or os.path.join(ROOT, "build/bench" if options.quick else "docs/benchmarks")
    path = os.path.join(out, "results.json")
    names = options.parts or list(PARTS)
    is_whole = True
    if not options.draw:
        os.makedirs(out, exist_ok=True)
        found = older_results(path, names, options.quick)
        if found is None:
            found = results.empty(options.quick, machine.describe(tempfile.gettempdir()))
        for name in names:
            is_whole = measure(name, options.quick, found) and is_whole
            results.write(path, found)
    found = results.read(path)
    wrong = results.complaints(found)
    for complaint in wrong:
        say(f"results.json: {complaint}")
    report.write(found, out)
    say(f"{path}, results.md and the plots beside it are written")
    return 0 if is_whole and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
