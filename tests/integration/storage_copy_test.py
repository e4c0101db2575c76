"""Copies into containers on a real worker: an upload becomes files, wherever the container is."""
import io
import os
import tarfile

from containers import EXITED
from fleet import main
from storage_case import DONE, FAILED, StorageTest, mounts_beneath


class Copies(StorageTest):

    def upload(self, members, kind=tarfile.REGTYPE):
        """An archive of these names and texts (None: a directory), as a console would have sent."""
        name = f"u{len(self.uploads())}{os.urandom(4).hex()}"
        with tarfile.open(os.path.join(self.uploads_path(), name), "w") as archive:
            for member, text in members.items():
                entry = tarfile.TarInfo(member)
                entry.type = kind if text is not None else tarfile.DIRTYPE
                entry.mode = 0o644 if text is not None else 0o755
                entry.size = len(text or "")
                archive.addfile(entry, io.BytesIO((text or "").encode()))
        return name

    def uploads_path(self):
        return os.path.join(self.worker_state, "storage", "uploads")

    def uploads(self):
        return os.listdir(self.uploads_path())

    def copy(self, container, path, members, **options):
        return self.outcome(self.say("copy", container, upload=self.upload(members), path=path,
                                     **options))

    def copied(self, container, path, members, **options):
        row = self.copy(container, path, members, **options)
        self.assertEqual(row["state"], DONE, row)
        self.assertEqual(self.uploads(), [])

    def test_a_copy_goes_into_a_stopped_container_and_its_volumes(self):
        self.import_image()
        self.ordered("volume.create", volume={"name": "data"})
        check = "test $(cat /tmp/a) = in && test $(cat /etc/new/deep) = renamed && exit 5"
        container = self.create_from(command=["/bin/sh", "-c", check],
                                     mounts=self.volume_mount("data"))
        self.copied(container, "/tmp", {"a": "in"})
        self.copied(container, "/etc/new", {"dir": None, "dir/deep": "renamed"})
        data = os.path.join(self.worker_state, "volumes", "data", "_data")
        self.assertEqual(os.listdir(data), ["a"])
        self.assertEqual(mounts_beneath(self.directory), [])
        self.assertEqual(self.run_to_end(container)["exit_code"], 5)

    def test_a_copy_goes_into_what_a_running_container_sees(self):
        self.import_image()
        wait = "while ! cat /tmp/a; do sleep 0.05; done; test $(cat /tmp/a) = in && exit 6"
        container = self.create_from(command=["/bin/sh", "-c", wait],
                                     mounts=[{"type": "tmpfs", "destination": "/tmp"}])
        self.do("start", container)
        self.copied(container, "/tmp/a", {"b": "in"})
        self.assertEqual(self.wait_for_state(container, EXITED)["exit_code"], 6)

    def test_a_copy_goes_into_a_container_of_a_directory(self):
        container = self.create(["/bin/true"])
        self.copied(container, "/tmp/", {"a": "in"})
        with open(os.path.join(self.rootfs, "tmp/a")) as file:
            self.assertEqual(file.read(), "in")

    def test_a_renamed_copy_takes_the_name_whatever_is_there(self):
        container = self.create(["/bin/true"])
        os.makedirs(os.path.join(self.rootfs, "tmp/there"))
        self.copied(container, "/tmp/there", {"dir": None, "dir/a": "1"}, renamed=True)
        self.assertEqual(os.listdir(os.path.join(self.rootfs, "tmp/there")), ["a"])

    def test_a_copy_that_cannot_be_fails_by_name_and_leaves_no_mount(self):
        self.import_image()
        container = self.create_from(command=["/bin/true"], mounts=self.volume_mount(
            "data", options=["ro"]))
        for path, members, code in [("/nowhere/a", {"a": "1"}, "invalid-argument"),
                                    ("/tmp/a", {"a": "1"}, "invalid-argument")]:
            row = self.copy(container, path, members)
            self.assertEqual((row["state"], row["code"]), (FAILED, code), row)
            self.assertIn(path, row["text"])
        row = self.outcome(self.say("copy", container, upload="gone", path="/tmp"))
        self.assertIn("upload gone is not there", row["text"])
        self.assertEqual(self.uploads(), [])
        self.assertEqual(mounts_beneath(self.directory), [])

    def test_a_copy_that_a_crash_cut_short_is_done_as_it_was_begun(self):
        container = self.create(["/bin/true"])
        self.worker.kill()
        self.worker = self.start_worker(kill_at="after:copy")
        identity = self.say("copy", container, upload=self.upload({"dir": None, "dir/a": "1"}),
                            path="/tmp/new")
        self.worker.wait_for_end()
        self.assertEqual(os.listdir(os.path.join(self.rootfs, "tmp/new")), ["a"])
        self.start_worker()
        self.assertEqual(self.outcome(identity)["state"], DONE)
        self.assertEqual(os.listdir(os.path.join(self.rootfs, "tmp/new")), ["a"])


if __name__ == "__main__":
    main()
