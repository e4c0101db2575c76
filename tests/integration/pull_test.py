"""Images from a registry on this machine, and what a console shows meanwhile."""
import os
import socket
import subprocess
import threading

from containers import HOST
from fleet import BUILD_DIR, DEADLINE, Client, command_id, main
from storage_case import FAILED, StorageTest

REGISTRY = "/usr/bin/docker-registry"
CONFIG = """version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: %s/registry}}
http: {addr: "127.0.0.1:%d"}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pulls(StorageTest):

    def setUp(self):
        super().setUp()
        self.layout = os.path.join(self.directory, "layout")
        for words in [["init", "--layout", self.layout], ["new", "--image", f"{self.layout}:one"],
                      ["raw", "add-layer", "--image", f"{self.layout}:one", self.tar()]]:
            subprocess.run(["umoci", *words], check=True, stdout=subprocess.DEVNULL)

    def gantry(self, *words, code=0):
        done = subprocess.run([os.path.join(BUILD_DIR, "gantry"), *words], check=False, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=DEADLINE,
                              env={**os.environ, "GANTRY_BROKER": self.broker_url})
        self.assertEqual(done.returncode, code, done)
        return done

    def start_registry(self):
        if not os.path.exists(REGISTRY):
            self.skipTest("docker-registry is not installed")
        port = free_port()
        path = os.path.join(self.directory, "registry.yml")
        with open(path, "w") as file:
            file.write(CONFIG % (self.directory, port))
        process = subprocess.Popen([REGISTRY, "serve", path], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        name = f"127.0.0.1:{port}/web:1"
        # skopeo tries again while the registry is not there yet.
        subprocess.run(["skopeo", "copy", "--quiet", "--retry-times", "8", "--dest-tls-verify=false",
                        f"oci:{self.layout}:one", f"docker://{name}"], check=True,
                       timeout=DEADLINE)
        return name

    def test_an_image_comes_from_a_registry_and_its_coming_is_shown(self):
        name = self.start_registry()
        done = self.gantry("pull", "--progress", "--tls-verify=false", name)
        image = done.stdout.strip()
        self.assertEqual(self.images()[image]["names"], [name])
        self.assertRegex(done.stderr, "^Trying to pull .*\n")
        self.assertRegex(done.stderr, "Copying blob (sha256:)?[0-9a-f]")
        self.assertIn("Writing manifest", done.stderr)
        container = self.create_from(name, ["/bin/sh", "-c", "exit 4"], pull="never")
        self.assertEqual(self.run_to_end(container)["exit_code"], 4)

    def test_little_is_said_where_nobody_looks(self):
        source = f"oci:{self.layout}:one"
        self.assertEqual(self.gantry("pull", source).stderr,
                         f"Trying to pull {source} on host {HOST}...\n")
        self.assertEqual(self.gantry("pull", "-q", "--progress", source).stderr, "")

    def test_a_pull_that_fails_says_what_skopeo_said(self):
        source = f"oci:{self.layout}:none"
        self.assertIn("none", self.gantry("pull", "--progress", source, code=125).stderr)

    def test_what_is_under_way_nowhere_has_no_progress(self):
        row = self.ordered("image.pull", reference=f"oci:{self.layout}:one")
        answer = self.client.ask("stream.open", host=HOST, kind="progress", pos=row["pos"])
        read = self.client.ask("stream.read", stream=answer["stream"], sequence=1, wait_ms=20000)
        self.assertTrue(read["end"])
        self.assertIn("not under way", read["failure"])

    def test_a_console_that_follows_from_the_beginning_hears_the_end(self):
        """skopeo is held by a FIFO in the place of the image's manifest."""
        held = os.path.join(self.directory, "held")
        os.mkdir(held)
        os.mkfifo(os.path.join(held, "manifest.json"))
        self.sequence += 1
        identity = command_id(0x7E57, self.sequence)
        answer = self.client.submit(type="image.pull", host=HOST, container=None, id=identity,
                                    body={"reference": f"dir:{held}"})
        stream = self.client.ask("stream.open", host=HOST, kind="progress", pos=answer["pos"])
        ended = []

        def follow():
            client, sequence = Client(self.broker_url), 1
            while not ended:
                read = client.ask("stream.read", stream=stream["stream"], sequence=sequence,
                                  wait_ms=20000)
                sequence += bool(read.get("sequence"))
                if read.get("end"):
                    ended.append(read.get("failure"))

        reader = threading.Thread(target=follow)
        reader.start()
        with open(os.path.join(held, "manifest.json"), "w") as fifo:  # skopeo has opened it
            fifo.write("no manifest")
        self.assertEqual(self.outcome(identity)["state"], FAILED)
        reader.join(DEADLINE)
        self.assertEqual(ended, [None])


if __name__ == "__main__":
    main()
