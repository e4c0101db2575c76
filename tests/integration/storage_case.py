"""What the tests of images and volumes share: a real worker, images made from tars, what is mounted."""
import os
import subprocess
import tarfile

from containers import EXITED, HOST, ContainerTest
from fleet import command_id

DONE, FAILED, REFUSED = 2, 3, 4


def mounts_beneath(path):
    with open("/proc/self/mountinfo") as table:
        return [line.split()[4] for line in table if line.split()[4].startswith(path)]


class StorageTest(ContainerTest):
    """A worker without any image."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.unmount_all)
        self.worker = self.start_worker()

    def unmount_all(self):
        for mount in reversed(mounts_beneath(self.directory)):
            subprocess.run(["umount", "-l", mount], check=False)

    def order(self, kind, **body):
        """A command about images or volumes; its row once it has ended."""
        self.sequence += 1
        identity = command_id(0x7E57, self.sequence)
        answer = self.client.submit(type=kind, host=HOST, container=None, id=identity, body=body)
        self.assertEqual(answer.kind, "submitted", answer)
        if answer.get("code"):
            return {"state": REFUSED, "code": answer["code"], "text": answer["text"]}
        return self.outcome(identity)

    def ordered(self, kind, **body):
        row = self.order(kind, **body)
        self.assertEqual(row["state"], DONE, row)
        return row

    def tar(self, name="rootfs.tar", extra=None):
        path = os.path.join(self.directory, name)
        with tarfile.open(path, "w") as archive:
            archive.add(self.rootfs, arcname=".")
            for member, text in (extra or {}).items():
                source = os.path.join(self.directory, "extra")
                with open(source, "w") as file:
                    file.write(text)
                archive.add(source, arcname=member)
        return path

    def import_image(self, reference="web", changes=(), **options):
        row = self.ordered("image.import", path=self.tar(**options), reference=reference,
                           changes=list(changes))
        return row["results"][0]

    def images(self):
        return {row["image"]["id"]: row["image"] for row in self.client.query_all("images")}

    def volumes(self):
        return {row["volume"]["name"]: row["volume"] for row in self.client.query_all("volumes")}

    def image_config(self, container, image="web", command=(), **fields):
        config = {"name": f"c{container[-4:]}", "image": image, "network": "none", **fields}
        if command:
            config["command"] = list(command)
        return config

    def create_from(self, image="web", command=(), **fields):
        container = self.new_container()
        self.do("create", container, config=self.image_config(container, image, command, **fields))
        return container

    def run_to_end(self, container):
        self.do("start", container)
        return {"exit_code": 0, **self.wait_for_state(container, EXITED)}

    def start_and_lose_worker(self, container):
        """The container runs on, and the next worker knows it."""
        self.do("start", container)
        self.worker.kill()
        self.start_worker()
        self.assert_running(container)

    def end_with_volume(self, container, volume):
        """Nothing of both stays."""
        self.do("stop", container, timeout_s=5)
        self.do("remove", container)
        self.ordered("volume.remove", name=volume)
        self.assertEqual(mounts_beneath(self.directory), [])

    def layers(self):
        path = os.path.join(self.worker_state, "storage", "layers")
        return os.listdir(path) if os.path.isdir(path) else []

    def volume_mount(self, name=None, destination="/tmp", **fields):
        mount = {"type": "volume", "destination": destination, **fields}
        if name:
            mount["source"] = name
        return [mount]
