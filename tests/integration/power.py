"""Power cuts: what a disk may hold when the power goes, made from what a program did to it.

Two ways. LoopDisk is a file system of the kernel's own in an image file: what is in the image when
it is copied has left the kernel's cache, and the rest is lost. TracedDisk makes up disks from the
trace of power_shim.c: a name is sure once its directory was flushed, bytes once their file was; all
else is there or not, in any order, page by page, and a page may be torn between its sectors.
"""
import os
import random
import shutil
import struct
import subprocess
import tempfile

import fleet

PAGE, SECTOR = 4096, 512
CREATED, MADE_DIRECTORY, WROTE, WROTE_THROUGH, CUT_TO, FLUSHED, MOVED, REMOVED = range(1, 9)
ENTRY = struct.Struct("=IIQQ")
TOOLS = os.path.join(fleet.BUILD_DIR, "tests")


def shim_environment(root, trace=None, mutant=None):
    """The environment of a program that is to be watched, or to have a fault."""
    found = dict(os.environ, LD_PRELOAD=os.path.join(TOOLS, "libpower_shim.so"),
                 GANTRY_POWER_ROOT=root, ASAN_OPTIONS=":".join(
                     filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"])))
    if trace:
        found["GANTRY_POWER_TRACE"] = trace
    if mutant:
        found["GANTRY_POWER_MUTANT"] = mutant
    return found


class File:
    """A file: what is sure of it, what it is now, and what each page was since the last flush."""

    def __init__(self):
        self.sure, self.now = bytearray(), bytearray()
        self.versions = {}  # of a page: its contents since it was sure

    def write(self, offset, data, is_through):
        end = offset + len(data)
        if len(self.now) < end:
            self.now += bytes(end - len(self.now))
        self.now[offset:end] = data
        for page in range(offset // PAGE, (end + PAGE - 1) // PAGE):
            content = bytes(self.now[page * PAGE:(page + 1) * PAGE])
            if is_through:
                self.put(self.sure, page, content)
                self.versions.pop(page, None)
            else:
                self.versions.setdefault(page, []).append(content)

    @staticmethod
    def put(content, page, data):
        end = page * PAGE + len(data)
        if len(content) < end:
            content += bytes(end - len(content))
        content[page * PAGE:end] = data

    def cut_to(self, size):
        del self.now[size:]
        self.now += bytes(size - len(self.now))

    def flush(self):
        self.sure = bytearray(self.now)
        self.versions = {}

    def after_cut(self, choose):
        """What may be there: `choose` picks for each page one of the contents it had."""
        content = bytearray(self.sure)
        for page, versions in sorted(self.versions.items()):
            before = bytes(self.sure[page * PAGE:(page + 1) * PAGE])
            self.put(content, page, choose(before, versions))
        return content


def lose(before, _versions):
    """Nothing that was not flushed got there."""
    return before


def keep(_before, versions):
    """All of it did."""
    return versions[-1]


def chance(dice):
    """Some of it did, and sometimes not the whole page."""
    def choose(before, versions):
        chosen = dice.choice([before, *versions])
        if dice.random() < 0.2:
            torn = dice.randrange(0, PAGE, SECTOR)
            before = before.ljust(len(chosen), b"\0")
            chosen = chosen[:torn] + before[torn:len(chosen)]
        return chosen
    return choose


class TracedDisk:
    """The disk of a trace, as it goes on."""

    def __init__(self, trace):
        with open(trace, "rb") as file:
            self.trace = file.read()
        self.offset = 0
        self.names, self.sure = {}, {}  # of files; a directory is None

    def step(self):
        """The next entry; False at the end."""
        if self.offset + ENTRY.size > len(self.trace):
            return False
        what, path_size, offset, size = ENTRY.unpack_from(self.trace, self.offset)
        at = self.offset + ENTRY.size
        path = self.trace[at:at + path_size].decode()
        data = self.trace[at + path_size:at + path_size + size]
        self.offset = at + path_size + size
        if what == CREATED:
            self.names[path] = File()
        elif what == MADE_DIRECTORY:
            self.names[path] = None
        elif what in (WROTE, WROTE_THROUGH):
            self.names[path].write(offset, data, what == WROTE_THROUGH)
        elif what == CUT_TO:
            self.names[path].cut_to(offset)
        elif what == MOVED:
            self.names[data.decode()] = self.names.pop(path)
        elif what == REMOVED:
            del self.names[path]
        elif self.names.get(path) is not None:
            self.names[path].flush()
        else:
            self._flush_directory(path)
        return True

    def _flush_directory(self, path):
        for name in {*self.names, *self.sure}:
            if os.path.dirname(name).rstrip("/") != path:
                continue
            if name in self.names:
                self.sure[name] = self.names[name]
            else:
                del self.sure[name]

    def write_to(self, directory, choose, is_done):
        """Make a disk of this moment; `is_done` decides of each change of a name that may be lost."""
        for name in sorted({*self.names, *self.sure}):
            names = self.names if is_done() else self.sure
            if name not in names or not os.path.isdir(directory + os.path.dirname(name)):
                continue
            if names[name] is None:
                os.mkdir(directory + name)
            else:
                with open(directory + name, "wb") as file:
                    file.write(names[name].after_cut(choose))


def disks_after_cuts(trace, scratch, count, seed):
    """(how far the trace had come, directory) of `count` disks, each removed after its turn.

    The first of each moment's disks has lost all that was not flushed, the next one nothing."""
    dice = random.Random(seed)
    moments = TracedDisk(trace)
    ends = []
    while moments.step():
        ends.append(moments.offset)
    each = 3
    chosen = sorted(dice.sample(range(len(ends)), min(len(ends), max(1, count // each))))
    chosen = sorted({*chosen, len(ends) - 1})
    disk = TracedDisk(trace)
    at = 0
    for index in chosen:
        while at <= index:
            disk.step()
            at += 1
        ways = [(lose, lambda: False), (keep, lambda: True)]
        ways += [(chance(dice), lambda: dice.random() < 0.5)] * (each - 2)
        for choose, has_name in ways:
            directory = tempfile.mkdtemp(prefix="disk-", dir=scratch)
            disk.write_to(directory, choose, has_name)
            yield disk.offset, directory
            shutil.rmtree(directory)


class LoopDisk:
    """An ext4 of its own in an image file."""

    SIZE = 48 * 1024 * 1024

    def __init__(self, test):
        self.test = test
        self.image = os.path.join(tempfile.mkdtemp(dir=test.directory), "image")
        self.directory = self.image + ".mount"
        os.mkdir(self.directory)
        with open(self.image, "wb") as image:
            image.truncate(self.SIZE)
        self._run("mkfs.ext4", "-q", "-F", self.image)
        self._mount(self.image, self.directory)

    def _run(self, *argv):
        done = subprocess.run(argv, capture_output=True, text=True)
        if done.returncode != 0:
            self.test.skipTest(f"{argv[0]}: {done.stderr.strip()}")

    def _mount(self, image, directory):
        # The kernel's own flushes come late: what is there was asked for.
        self._run("mount", "-o", "loop,commit=600", image, directory)
        self.test.addCleanup(subprocess.run, ["umount", "-l", directory], capture_output=True)

    def cut(self):
        """The power goes: a directory with what was on the disk."""
        copy = self.image + ".cut"
        subprocess.run(["cp", "--sparse=always", self.image, copy], check=True)
        directory = copy + ".mount"
        os.mkdir(directory)
        self._mount(copy, directory)
        return directory


def why_no_loop_disk():
    """None where one can be made."""
    if os.geteuid() != 0:
        return "only root mounts"
    if shutil.which("mkfs.ext4") is None:
        return "there is no mkfs.ext4"
    found = subprocess.run(["losetup", "-f"], capture_output=True, text=True)
    return None if found.returncode == 0 else f"no loop device: {found.stderr.strip()}"
