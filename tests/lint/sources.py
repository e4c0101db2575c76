"""The files that the checks of this folder look at: what git knows, or what lies there without it."""

import os
import subprocess

PRODUCTION = ("broker", "common", "ops", "schemas", "worker")

ROOT = os.environ.get("GANTRY_SOURCE_DIR") or os.path.dirname(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _known_to_git():
    # The tree may belong to another user than the one who runs the tests.
    command = ["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z"]
    try:
        listing = subprocess.run(command, check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return [name.decode() for name in listing.split(b"\0") if name]


def _found():
    names = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in ("build", "__pycache__")
                      and not name.startswith(".")]
        names += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files]
    return names


def tracked(*endings):
    """Paths below ROOT, sorted, with one of these endings."""
    names = _known_to_git()
    if not names:
        names = _found()
    names = sorted(name for name in names
                   if name.endswith(endings) and os.path.isfile(os.path.join(ROOT, name)))
    if not names:
        raise SystemExit(f"no file of {endings} below {ROOT}: the check would check nothing")
    return names


def is_production(path):
    return path.split("/", 1)[0] in PRODUCTION


def lines_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read().splitlines()


def report(check, complaints):
    """Print and exit as a test does."""
    for complaint in complaints:
        print(complaint)
    print(f"{check}: {len(complaints)} complaints")
    raise SystemExit(1 if complaints else 0)
