"""Hosts of a small network on this machine: network namespaces with a bridge between them.

A namespace belongs to a process that waits for its standard input to end, so nothing outlives the
test, however it ends; devices have names in these namespaces only.
"""
import subprocess

SUBNET = "10.11.12"
PATIENCE = 60


class Unavailable(Exception):
    """This machine makes no network namespaces for us."""


class Namespace:
    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo up; exec cat"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
        if self.holder.stdout.readline() != b"up\n":
            self.close()
            raise Unavailable("unshare --net")

    @property
    def prefix(self):
        """What a command line begins with that is to run here."""
        return ["nsenter", "--target", str(self.holder.pid), "--net"]

    def run(self, *words):
        done = subprocess.run([*self.prefix, *words], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)
        if done.returncode != 0:
            raise Unavailable(f"{' '.join(words)}: {done.stderr.strip()}")

    def close(self):
        self.holder.stdin.close()
        self.holder.wait(PATIENCE)
        self.holder.stdout.close()


class Lan:
    """One namespace in the middle, with a bridge, and one for each host."""

    def __init__(self, names):
        self.namespaces = []
        try:
            self.middle = self._add()
            self.middle.run("ip", "link", "add", "lan", "type", "bridge")
            self.middle.run("ip", "address", "add", f"{SUBNET}.1/24", "dev", "lan")
            self.middle.run("ip", "link", "set", "lan", "up")
            self.hosts = {name: self._add_host(name, number)
                          for number, name in enumerate(names, 2)}
        except Exception:
            self.close()
            raise

    @property
    def address(self):
        """Of the middle."""
        return f"{SUBNET}.1"

    def _add(self):
        self.namespaces.append(Namespace())
        return self.namespaces[-1]

    def _add_host(self, name, number):
        host = self._add()
        self.middle.run("ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "lan",
                        "netns", str(host.holder.pid))
        self.middle.run("ip", "link", "set", f"to-{name}", "master", "lan", "up")
        host.run("ip", "address", "add", f"{SUBNET}.{number}/24", "dev", "lan")
        host.run("ip", "link", "set", "lan", "up")
        return host

    def cut(self, name):
        self.middle.run("ip", "link", "set", f"to-{name}", "down")

    def mend(self, name):
        self.middle.run("ip", "link", "set", f"to-{name}", "up")

    def close(self):
        for namespace in self.namespaces:
            namespace.close()
