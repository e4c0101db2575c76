"""What a benchmark tells the suite (suite.py): one JSON object on each line.

    {"figure": NAME, "peer": NAME, "unit": UNIT, "samples": [NUMBER...]}    NAME: one of catalog.py
    {"figure": NAME, "peer": NAME, "unit": UNIT, "at": X, "samples": [...]}  a point of a curve
    {"missing": PEER, "why": SENTENCE}
"""
import json
import math


def give(figure, peer, unit, samples, at=None):
    line = {"figure": figure, "peer": peer, "unit": unit,
            "samples": [round(sample, 6) for sample in samples]}
    if at is not None:
        line["at"] = at
    print(json.dumps(line), flush=True)


def missing(peer, why):
    print(json.dumps({"missing": peer, "why": why}), flush=True)


def nearest_rank(values, part):
    """The value that so many of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]
