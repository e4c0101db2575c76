"""results.json: made of the lines that benchmarks print, joined with an older one, checked."""
import json
import os
import statistics

import catalog
from figures import nearest_rank

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES_KEPT = 20
US = "Gantry"


class UnknownFigure(Exception):
    pass


def digits(value):
    return float(f"{value:.6g}")


def describe(samples):
    found = {"count": len(samples), "median": digits(statistics.median(samples)),
             "p99": digits(nearest_rank(samples, 0.99)), "low": digits(nearest_rank(samples, 0.05)),
             "high": digits(nearest_rank(samples, 0.95))}
    if len(samples) <= SAMPLES_KEPT:
        found["samples"] = [digits(sample) for sample in samples]
    return found


def judge(mark, peers):
    wanted = {"said": mark.said, "statistic": mark.statistic,
              "bound": "at most" if mark.is_upper else "at least"}
    value = mark.value(peers)
    if value is None:
        return wanted
    wanted["value"] = digits(value)
    ours = peers.get(US)
    if ours is not None:
        wanted["is_reached"] = (ours[mark.statistic] <= value) == mark.is_upper or (
            ours[mark.statistic] == value)
    return wanted


def take_peers(figure, lines):
    samples = {}
    for line in lines:
        samples.setdefault(line["peer"], []).extend(line["samples"])
    first = [peer for peer in (figure.floor, US) if peer in samples]
    peers = {peer: describe(samples[peer])
             for peer in first + [peer for peer in samples if peer not in first]}
    if figure.floor in peers and peers[figure.floor]["median"] > 0:
        for peer in peers.values():
            peer["ratio"] = digits(peer["median"] / peers[figure.floor]["median"])
    return {"peers": peers, "wanted": [judge(mark, peers) for mark in figure.marks]}


def take_curves(figure, lines):
    """A mark of a curve is held to its last point."""
    points = {}
    for line in lines:
        points.setdefault((line["peer"], line["at"]), []).extend(line["samples"])
    curves = {}
    for (peer, at), values in sorted(points.items(), key=lambda item: item[0]):
        curves.setdefault(peer, []).append({"at": at, **describe(values)})
    last = {peer: curve[-1] for peer, curve in curves.items()}
    return {"x": figure.x, "curves": curves, "wanted": [judge(mark, last) for mark in figure.marks]}


def take_figures(part, command, lines):
    """The figures of what one part has printed."""
    by_name = {}
    for line in lines:
        if "figure" in line:
            if line["figure"] not in catalog.BY_NAME:
                raise UnknownFigure(line["figure"])
            if line["samples"]:
                by_name.setdefault(line["figure"], []).append(line)
    found = []
    for name, of_figure in by_name.items():
        figure = catalog.BY_NAME[name]
        entry = {"name": name, "title": figure.title, "part": part, "unit": of_figure[0]["unit"],
                 "command": command}
        if figure.floor is not None:
            entry["floor"] = figure.floor
        entry.update(take_curves(figure, of_figure) if figure.x else take_peers(figure, of_figure))
        found.append(entry)
    return found


def take_missing(part, lines):
    return [{"part": part, "peer": line["missing"], "why": line["why"]}
            for line in lines if "missing" in line]


def empty(is_quick, machine):
    return {"version": 1, "is_quick": is_quick, "machine": machine, "parts": [], "figures": [],
            "missing": []}


def replace_part(results, part, figures, missing):
    """In place: what was known of a part gives way to what is known now."""
    name = part["name"]
    results["parts"] = [old for old in results["parts"] if old["name"] != name] + [part]
    results["figures"] = [old for old in results["figures"] if old["part"] != name] + figures
    results["missing"] = [old for old in results["missing"] if old["part"] != name] + missing
    order = [figure.name for figure in catalog.FIGURES]
    results["figures"].sort(key=lambda figure: order.index(figure["name"]))


def complaints(results):
    """Sentences about what does not hold to the schema."""
    import jsonschema  # of a package that only this needs

    with open(os.path.join(HERE, "results.schema.json"), encoding="utf-8") as file:
        validator = jsonschema.Draft202012Validator(json.load(file))
    return [f"{'/'.join(map(str, error.path))}: {error.message}"
            for error in validator.iter_errors(results)]


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(path, results):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1, ensure_ascii=False)
        file.write("\n")
    os.replace(path + ".new", path)
