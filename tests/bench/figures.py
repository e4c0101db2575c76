"""What a benchmark tells the suite (suite.py): one JSON object on each line.

    {"figure": NAME, "peer": NAME, "unit": UNIT, "samples": [NUMBER...]}    NAME: one of catalog.py
    {"figure": NAME, "peer": NAME, "unit": UNIT, "at": X, "samples": [...]}  a point of a curve
    {"missing": PEER, "why": SENTENCE}
"""
import argparse
import json
import math
import statistics


def give(figure, peer, unit, samples, at=None):
    line = {"figure": figure, "peer": peer, "unit": unit,
            "samples": [round(sample, 6) for sample in samples]}
    if at is not None:
        line["at"] = at
    print(json.dumps(line), flush=True)


def missing(peer, why):
    print(json.dumps({"missing": peer, "why": why}), flush=True)


def show(figure, peer, unit, samples, at=None):
    """The same for who looks on."""
    grown = "" if at is None else f" at {at}"
    print(f"{figure}{grown}: {peer}: {len(samples)} times, median {statistics.median(samples):.2f} {unit}, "
          f"p99 {nearest_rank(samples, 0.99):.2f} {unit}, worst {max(samples):.2f} {unit}")


class Sheet:
    """Milliseconds by figure, peer and what grows."""

    def __init__(self):
        self.of = {}

    def add(self, figure, seconds, peer="Gantry", at=None):
        self.of.setdefault((figure, peer, at), []).append(seconds * 1000)

    def give(self, is_json):
        for (figure, peer, at), times in self.of.items():
            (give if is_json else show)(figure, peer, "ms", times, at=at)


def parser(**numbers):
    """Of a benchmark's words: --json, and these numbers with their defaults, in this order."""
    made = argparse.ArgumentParser()
    for name, default in numbers.items():
        made.add_argument(name, nargs="?", type=int, default=default)
    made.add_argument("--json", action="store_true")
    return made


def nearest_rank(values, part):
    """The value that so many of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]
