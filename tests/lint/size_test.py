"""A file has at most 500 lines, a function 60 and three levels; nothing is left for later."""

import re

import sources

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
# A statement that opens a fourth level, as clang-format indents it. (clang-tidy would count the
# levels inside of the macros of uthash and queue.h too.)
TOO_DEEP = re.compile(r" {16,}(if|for|while|switch|do|[A-Z_]+_(ITER|FOREACH)\w*)\b.*[({]")
LEFT_FOR_LATER = re.compile(r"\b(TODO|FIXME|XXX)\b")  # but not mkstemp's XXXXXX
LINT = "tests/lint/"  # these files speak of it


def check_functions(path, lines):
    """As clang-format writes it, a function's body is between two braces in column 0."""
    complaints = []
    begin = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin = number
        elif line == "}" and begin is not None:
            if number - begin - 1 > FUNCTION_LINES_MAX:
                complaints.append(f"{path}:{begin}: a function of {number - begin - 1} lines")
            begin = None
        elif begin is not None and TOO_DEEP.match(line):
            complaints.append(f"{path}:{number}: more than three levels deep")
    return complaints


def check_production(path, lines):
    complaints = check_functions(path, lines)
    if len(lines) > FILE_LINES_MAX:
        complaints.append(f"{path}: {len(lines)} lines")
    return complaints


def check_words(path, lines):
    return [f"{path}:{number}: {LEFT_FOR_LATER.search(line).group()}"
            for number, line in enumerate(lines, 1) if LEFT_FOR_LATER.search(line)]


def check_the_checker():
    """A check that finds nothing must be known to find something."""
    assert check_words("x.c", ["/* TODO */"]) and not check_words("x.c", ["mkdtemp(XXXXXX)"])
    assert check_production("x.c", ["x"] * (FILE_LINES_MAX + 1))
    assert not check_production("x.c", ["x"] * FILE_LINES_MAX)
    assert check_functions("x.c", ["{"] + ["x"] * (FUNCTION_LINES_MAX + 1) + ["}"])
    assert not check_functions("x.c", ["{"] + ["x"] * FUNCTION_LINES_MAX + ["}"])
    assert check_functions("x.c", ["{", "                if (x)", "}"])
    assert not check_functions("x.c", ["{", "            if (x)", "}"])


def main():
    check_the_checker()
    complaints = []
    for path in sources.tracked(".c", ".h"):
        lines = sources.lines_of(path)
        complaints += check_words(path, lines)
        if sources.is_production(path):
            complaints += check_production(path, lines)
    for path in sources.tracked(".py", ".bats", ".sh", "CMakeLists.txt"):
        if not path.startswith(LINT):
            complaints += check_words(path, sources.lines_of(path))
    sources.report("size", complaints)


main()
