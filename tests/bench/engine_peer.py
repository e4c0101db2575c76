"""What podman and docker have in common beside us: the words of their commands, and their events."""
import json
import os
import signal
import subprocess
import time


class Engine:
    """`base` are the words that each of its commands begins with; an event is an object on a line."""

    events_format = ""
    status_key = ""
    status_of_death = ""

    def __init__(self, base):
        self.base = base
        self.count = 0

    def run(self, *words):
        return subprocess.run([*self.base, *words], check=True, capture_output=True, text=True).stdout.strip()

    def make(self, *words):
        """A container without a network; its name."""
        self.count += 1
        name = f"peer{self.count}"
        self.run("create", "--name", name, "--network", "none", *words)
        return name

    def start(self, name):
        began = time.monotonic()
        self.run("start", name)
        return time.monotonic() - began

    def follow(self, *filters, **options):
        words = [word for one in filters for word in ("--filter", one)]
        return subprocess.Popen([*self.base, "events", "--format", self.events_format, "--since", "5m", *words],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **options)

    def wait_for_status(self, follower, status):
        while json.loads(follower.stdout.readline())[self.status_key] != status:
            pass

    def end(self, name):
        """Seconds from SIGKILL of init to the line in its events."""
        pid = int(self.run("inspect", "--format", "{{.State.Pid}}", name))
        follower = self.follow(f"container={name}", text=True)
        try:
            self.wait_for_status(follower, "start")
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            self.wait_for_status(follower, self.status_of_death)
            return time.monotonic() - began
        finally:
            follower.kill()
            follower.communicate()


def unmount_beneath(directory):
    """What an engine has left mounted in a directory of its own."""
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        points = [line.split()[4] for line in table]
    for point in reversed([point for point in points if point.startswith(directory + "/")]):
        subprocess.run(["umount", "-l", point], check=False, stderr=subprocess.DEVNULL)
