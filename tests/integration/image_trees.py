"""What tools say, and how trees of files look: shared by the tests of images."""
import hashlib
import os
import stat
import subprocess


def run(*argv, **options):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: {done.stderr or done.stdout}")
    return done.stdout


def describe(path):
    status = os.lstat(path)
    kind = stat.S_IFMT(status.st_mode)
    content = None
    if kind == stat.S_IFREG:
        with open(path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
    elif kind == stat.S_IFLNK:
        content = os.readlink(path)
    attributes = {name: os.getxattr(path, name, follow_symlinks=False)
                  for name in os.listxattr(path, follow_symlinks=False)
                  if not name.startswith("trusted.overlay.")}
    seen = [oct(status.st_mode), status.st_uid, status.st_gid, content, attributes]
    if kind != stat.S_IFDIR:
        seen += [status.st_nlink, status.st_rdev, int(status.st_mtime)]
    return seen


def tree(root):
    """Everything beneath the directory; its own attributes are a mount's to set."""
    seen = {}
    for directory, directories, files in os.walk(root):
        for name in directories + files:
            path = os.path.join(directory, name)
            seen[os.path.relpath(path, root)] = describe(path)
    return seen


def different(found, wanted):
    """The first paths that differ, with both sides; empty when the trees are the same."""
    paths = [path for path in sorted(found.keys() | wanted.keys())
             if found.get(path) != wanted.get(path)]
    return [(path, found.get(path), wanted.get(path)) for path in paths[:10]]
