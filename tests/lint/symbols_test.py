"""No two layers define a function of the same name: a program would get one of them unasked."""
import collections
import glob
import os
import subprocess
import sys


def defined_names(library):
    out = subprocess.run(["nm", "--defined-only", "--extern-only", library], check=True,
                         capture_output=True, text=True).stdout
    for line in out.splitlines():
        words = line.split()
        if len(words) == 3 and words[1] in "TDBR":
            yield words[2]


def main():
    owners = collections.defaultdict(set)
    libraries = glob.glob(os.path.join(os.environ["GANTRY_BUILD_DIR"], "libgantry_*.a"))
    if not libraries:
        sys.exit("no library was found: build first")
    for library in libraries:
        for name in defined_names(library):
            owners[name].add(os.path.basename(library))
    clashes = {name: where for name, where in owners.items() if len(where) > 1}
    for name, where in sorted(clashes.items()):
        print(f"{name} is defined in {' and '.join(sorted(where))}: rename one of them")
    sys.exit(1 if clashes else 0)


main()
