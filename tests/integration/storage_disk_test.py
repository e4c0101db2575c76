"""Full disks: what needs room fails clearly and leaves nothing, what runs goes on, and room heals it."""
import errno
import os
import subprocess

from containers import EXITED, SLEEPER
from fleet import main
from storage_case import DONE, FAILED, StorageTest

STORE = 12 << 20  # room for the small image, and not for one with BIG more
BIG = 16 << 20
CREATES_MAX = 60  # more than a journal can take without growing


class Disk(StorageTest):

    def setUp(self):
        super().setUp()
        self.import_image()
        self.running = self.create_from(command=SLEEPER)
        self.do("start", self.running)

    def put_on_small_disk(self, name, options):
        """A part of STATE moves to a file system of its own, while no worker uses it."""
        path = os.path.join(self.worker_state, name)
        aside = path + ".aside"
        self.worker.terminate()
        os.rename(path, aside)
        os.mkdir(path, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
        subprocess.run(["cp", "-a", f"{aside}/.", path], check=True)
        self.worker = self.start_worker()
        return path

    @staticmethod
    def give_room(path, options):
        subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)

    def big_tar(self):
        with open(os.path.join(self.rootfs, "big"), "wb") as file:
            file.write(os.urandom(BIG))
        return self.tar("big.tar")

    def assert_disk(self, row, *words):
        self.assertEqual((row["state"], row["code"]), (FAILED, "disk"), row)
        for word in [*words, "No space left on device"]:
            self.assertIn(word, row["text"])

    def assert_goes_on(self):
        """What runs has not noticed, and the journal takes what happens to it."""
        self.assert_running(self.running)
        self.do("pause", self.running)
        self.do("unpause", self.running)
        self.do("stop", self.running, timeout_s=5)
        self.wait_for_state(self.running, EXITED)

    def test_an_import_without_room_leaves_nothing_half_made(self):
        storage = self.put_on_small_disk("storage", f"size={STORE}")
        before = {name: sorted(os.listdir(os.path.join(storage, name)))
                  for name in os.listdir(storage) if os.path.isdir(os.path.join(storage, name))}
        path = self.big_tar()
        images = self.images()
        self.assert_disk(self.order("image.import", path=path, reference="big"))
        self.assertEqual({name: sorted(os.listdir(os.path.join(storage, name)))
                          for name in before}, before)
        self.assertEqual(self.images(), images)
        self.assert_goes_on()
        self.give_room(storage, f"size={STORE + 4 * BIG}")
        self.ordered("image.import", path=path, reference="big")
        container = self.create_from("big", command=["/bin/sh", "-c", "test -e /big && exit 3"])
        self.assertEqual(self.run_to_end(container)["exit_code"], 3)

    def fill(self, path):
        """Take what is left: inodes and blocks, the journal's too when it lies there."""
        ballast = os.path.join(path, "ballast")
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError as error:
                self.assertEqual(error.errno, errno.ENOSPC)
        return ballast

    def test_a_create_without_room_leaves_nothing_half_made(self):
        containers = self.put_on_small_disk("containers", "nr_inodes=100")
        ballast = []
        try:
            while True:
                ballast.append(os.path.join(containers, f"ballast{len(ballast)}"))
                os.mkdir(ballast[-1])
        except OSError as error:
            self.assertEqual(error.errno, errno.ENOSPC)
            ballast.pop()
        container = self.new_container()
        config = self.image_config(container, command=["/bin/true"],
                                   mounts=self.volume_mount("data"))
        os.rmdir(ballast.pop())  # for the bundle, and not for what is in it
        row = self.outcome(self.say("create", container, config=config))
        self.assert_disk(row, f"create container {container[:12]}")
        self.assertIsNone(self.row(container))
        self.assertFalse(os.path.exists(os.path.join(containers, container)))
        self.assertEqual(self.volumes(), {})
        self.assertFalse(os.path.exists(os.path.join(self.worker_state, "volumes", "data")))
        self.assert_running(self.running)
        for path in ballast:
            os.rmdir(path)
        self.do("create", container, config=config)
        self.assertEqual(self.run_to_end(container)["exit_code"], 0)
        self.do("remove", container)
        self.assert_goes_on()

    def test_a_commit_without_room_leaves_no_image(self):
        container = self.create_from(command=["/bin/sh", "-c", f"cat /bin/busybox > /tmp/{'a' * 8}"])
        self.run_to_end(container)
        storage = self.put_on_small_disk("storage", f"size={STORE}")
        ballast = self.fill(storage)
        images, layers = self.images(), self.layers()
        row = self.outcome(self.say("commit", container, reference="changed"))
        self.assert_disk(row)
        self.assertEqual((self.images(), self.layers()), (images, layers))
        self.assertEqual(os.listdir(os.path.join(storage, "staging")), [])
        os.unlink(ballast)
        self.assertEqual(self.do("commit", container, reference="changed")["state"], DONE)
        self.assert_goes_on()

    def test_a_disk_that_is_full_for_the_journal_too_keeps_commands_waiting(self):
        state = self.worker_state
        self.worker.terminate()
        os.rename(state, state + ".aside")
        os.mkdir(state, 0o711)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", state], check=True)
        subprocess.run(["cp", "-a", f"{state}.aside/.", state], check=True)
        self.worker = self.start_worker()
        ballast = self.fill(state)
        asked = []
        while not any("journal.not_written" in line for line in list(self.worker.lines)):
            self.assertLess(len(asked), CREATES_MAX)
            container = self.new_container()
            config = self.image_config(container, command=["/bin/true"], env=["A=" + "x" * 8000])
            asked.append((container, self.say("create", container, config=config)))
            self.client.ask("outcome", id=asked[-1][1], wait_ms=500)
        os.unlink(ballast)
        for container, identity in asked:
            row = self.outcome(identity)
            if row["state"] == DONE:
                self.do("remove", container)
            else:
                self.assert_disk(row)
            self.assertFalse(os.path.exists(os.path.join(state, "containers", container)))
        self.assert_goes_on()


if __name__ == "__main__":
    main()
