"""Docker beside us: a daemon of our own (with its containerd) on a socket of ours, and its swarm.

The daemon has no network of its own and lives in a directory that goes with it.
"""
import os
import select
import shutil
import subprocess
import tempfile
import time

import engine_peer
import floor

CLIENT, DAEMON = "/usr/bin/docker", "/usr/sbin/dockerd"
IMAGE = "bench:1"
READY_S = 60
SWARM_PATIENCE_S = 60


class Unavailable(Exception):
    """Why it cannot be measured here."""


class Docker(engine_peer.Engine):
    """A daemon with one image, made of a root file system."""

    events_format, status_key, status_of_death = "{{json .}}", "status", "die"

    def __init__(self, rootfs):
        if not os.path.exists(CLIENT) or not os.path.exists(DAEMON):
            raise Unavailable("docker.io is not installed")
        # A socket's path has to be short.
        self.directory = tempfile.mkdtemp(prefix="gantry-docker-", dir="/tmp")
        super().__init__([CLIENT, "-H", f"unix://{self.directory}/docker.sock"])
        self.log_path = os.path.join(self.directory, "log")
        with open(self.log_path, "wb") as log:
            self.daemon = subprocess.Popen(
                [DAEMON, "--data-root", f"{self.directory}/data", "--exec-root", f"{self.directory}/exec",
                 "--pidfile", f"{self.directory}/pid", "--iptables=false", "--ip6tables=false",
                 "--bridge=none", "--storage-driver=overlay2", "-H", self.base[2]],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.wait_until_ready()
            tar = subprocess.run(["tar", "-C", rootfs, "-c", "."], check=True, capture_output=True).stdout
            subprocess.run([*self.base, "import", "-", IMAGE], input=tar, check=True,
                           capture_output=True)
        except BaseException:
            self.close()
            raise

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_S
        while subprocess.run([*self.base, "version"], capture_output=True, check=False).returncode != 0:
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"dockerd does not start here: {self.last_complaint()}")
            time.sleep(0.1)  # a daemon of others says nothing when it is ready

    def last_complaint(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if "level=info" not in line]
        return lines[-1] if lines else "it says nothing"

    def prepare(self):
        return self.make(IMAGE, "/bin/sleep", "100000")

    def remove(self, *names):
        self.run("rm", "-f", *names)

    def swarm_rate(self, count):
        """Starts each second of a service of so many replicas, on this one node."""
        self.run("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0")
        follower = self.follow("event=start", "type=container", bufsize=0)
        try:
            began = time.monotonic()
            self.run("service", "create", "--detach", "--quiet", "--name", "crowd", "--no-resolve-image", "--stop-grace-period", "0s",
                     "--replicas", str(count), IMAGE, "/bin/sleep", "100000")
            seen = 0
            while seen < count:
                # Unbuffered, so that what is ready is what can be read.
                if not select.select([follower.stdout], [], [], SWARM_PATIENCE_S)[0]:
                    raise Unavailable(f"the swarm has started {seen} of {count} and goes on no more")
                seen += os.read(follower.stdout.fileno(), 65536).count(b'"com.docker.swarm.task.id"')
            return count / (time.monotonic() - began)
        finally:
            follower.kill()
            follower.communicate()
            subprocess.run([*self.base, "swarm", "leave", "--force"], capture_output=True, check=False)

    def processes(self):
        """Pids of the daemon, its containerd and the shims, and of the shims' children."""
        ours, children = {self.daemon.pid}, {}
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read()
                with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, set()).add(int(name))
            if words.startswith(b"containerd") or b"containerd-shim" in words.split(b"\0")[0]:
                if self.directory.encode() in words:
                    ours.add(int(name))
        return ours | {child for one in ours for child in children.get(one, ())}

    def close(self):
        """Its containers end with it: SIGTERM stops them, and what is left is looked for."""
        if self.daemon.poll() is None:
            names = subprocess.run([*self.base, "ps", "-aq"], capture_output=True, text=True,
                                   check=False).stdout.split()
            if names:
                subprocess.run([*self.base, "rm", "-f", *names], capture_output=True, check=False)
        self.daemon.terminate()
        try:
            self.daemon.wait(60)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()
        engine_peer.unmount_beneath(self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)
        floor.remove_empty_groups("docker")
