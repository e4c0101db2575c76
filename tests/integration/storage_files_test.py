"""What a container of an image finds: its own files, its volumes as they were asked for, its layers."""
import io
import os
import subprocess
import tarfile

from containers import CONFIGURED, EXITED, SLEEPER
from fleet import main
from storage_case import StorageTest, mounts_beneath

LAYERS = 60


class Files(StorageTest):

    def ends_with(self, code, script, **fields):
        container = self.create_from(command=["/bin/sh", "-c", f"{script} && exit {code}; exit 99"],
                                     **fields)
        row = self.run_to_end(container)
        self.assertEqual(row["exit_code"], code, row)
        return container

    # --- files of its own

    def test_a_number_that_the_image_does_not_know_is_a_user_in_it(self):
        self.import_image()
        line = "1234:x:1234:77:container user:/tmp:/bin/sh"
        self.ends_with(3, f"test \"$(cat /etc/passwd)\" = \"{line}\" && "
                          "test \"$(cat /etc/group)\" = 77:x:77: && test -f /run/.containerenv",
                       user="1234:77", workdir="/tmp")
        self.assertEqual(mounts_beneath(self.directory), [])

    def test_a_read_only_container_writes_only_where_something_is_mounted(self):
        os.chmod(os.path.join(self.rootfs, "tmp"), 0o1777)  # the tmpfs gets it
        self.import_image()
        self.ends_with(3, "test -s /etc/passwd && ! echo > /etc/passwd && ! echo > /bin/new && "
                          "echo > /tmp/new", user="1234", read_only=True,
                       mounts=[{"type": "tmpfs", "destination": "/tmp"}])

    def test_a_tmpfs_comes_where_the_image_s_links_lead(self):
        os.symlink("/tmp/real", os.path.join(self.rootfs, "link"))
        os.mkdir(os.path.join(self.rootfs, "tmp/real"))
        self.import_image()
        self.ends_with(3, "echo > /link/sub/file && cat /tmp/real/sub/file",
                       mounts=[{"type": "tmpfs", "destination": "/link/sub"}])

    def test_a_container_of_a_directory_gets_no_files_of_its_own(self):
        container = self.create(["/bin/sh", "-c", "test ! -e /etc/passwd && test ! -e /run && exit 3"],
                                user="1234")
        self.assertEqual(self.run_to_end(container)["exit_code"], 3)
        self.assertFalse(os.path.exists(os.path.join(self.rootfs, "run")))

    # --- volumes

    def data_of(self, name):
        return os.path.join(self.worker_state, "volumes", name, "_data")

    def test_a_volume_has_the_owner_that_was_asked_for(self):
        self.import_image(extra={"tmp/seed": "seed"})
        self.ordered("volume.create", volume={"name": "data", "uid": 7, "gid": 8})
        self.ends_with(3, "test -e /tmp/seed", mounts=self.volume_mount("data"))
        status = os.stat(self.data_of("data"))
        self.assertEqual((status.st_uid, status.st_gid), (7, 8))

    def test_a_volume_without_an_owner_gets_the_image_s(self):
        os.chown(os.path.join(self.rootfs, "tmp"), 11, 12)
        os.chmod(os.path.join(self.rootfs, "tmp"), 0o1777)
        self.import_image(extra={"tmp/seed": "seed"})
        self.ends_with(3, "test -e /tmp/seed", mounts=self.volume_mount("data"))
        status = os.stat(self.data_of("data"))
        self.assertEqual((status.st_uid, status.st_gid, status.st_mode & 0o7777), (11, 12, 0o1777))

    def test_nocopy_leaves_a_volume_empty(self):
        self.import_image(extra={"tmp/seed": "seed"})
        self.ends_with(3, "test ! -e /tmp/seed",
                       mounts=self.volume_mount("data", options=["nocopy"]))
        self.assertEqual(os.listdir(self.data_of("data")), [])

    # --- layers

    def add_layer(self, layout, number):
        path = os.path.join(self.directory, "layer.tar")
        with tarfile.open(path, "w") as archive:
            entry = tarfile.TarInfo(f"layers/{number}")
            text = str(number).encode()
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
        subprocess.run(["umoci", "raw", "add-layer", "--image", f"{layout}:deep", path],
                       check=True, stdout=subprocess.DEVNULL)

    def test_an_image_of_many_layers_runs(self):
        layout = os.path.join(self.directory, "layout")
        for words in [["init", "--layout", layout], ["new", "--image", f"{layout}:deep"]]:
            subprocess.run(["umoci", *words], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["umoci", "raw", "add-layer", "--image", f"{layout}:deep", self.tar()],
                       check=True, stdout=subprocess.DEVNULL)
        for number in range(1, LAYERS):
            self.add_layer(layout, number)
        row = self.ordered("image.load", path=layout)
        image = self.images()[row["results"][0]]
        self.assertEqual(len(image["layers"]), LAYERS)
        self.ends_with(3, " && ".join(f"test -e /layers/{number}" for number in range(1, LAYERS)),
                       image=image["id"])
        self.assertEqual(mounts_beneath(self.directory), [])

    # --- what a crash leaves

    def test_what_nobody_knows_is_swept_when_the_worker_starts(self):
        self.import_image()
        kept = self.create_from(command=SLEEPER, mounts=self.volume_mount("data"))
        self.do("start", kept)
        self.worker.kill()
        stranger = "f" * 64
        root = os.path.join(self.worker_run, "containers", stranger, "rootfs")
        dead = os.path.join(self.worker_run, "containers", kept, "mounts", "copy")
        for path in [root, os.path.join(self.worker_run, "containers", stranger, "mounts"),
                     os.path.join(self.worker_state, "containers", stranger, "upper"),
                     os.path.join(self.worker_state, "containers", stranger, "work")]:
            os.makedirs(path)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root], check=True)
        with open(dead, "w"):
            pass
        self.start_worker()
        self.assertFalse(os.path.exists(dead))
        for directory in [self.worker_run, self.worker_state]:
            self.assertEqual(os.listdir(os.path.join(directory, "containers")), [kept])
        self.assert_running(kept)
        self.do("stop", kept, timeout_s=5)
        self.wait_for_state(kept, EXITED)
        self.assertEqual(mounts_beneath(self.directory), [])

    def test_an_operator_s_mount_outlives_the_worker(self):
        self.import_image()
        container = self.create_from(command=["/bin/true"])
        path = self.do("mount", container)["results"][0]
        self.worker.kill()
        self.start_worker()
        self.assertEqual(mounts_beneath(self.directory), [path])
        self.do("unmount", container)
        self.assertEqual(self.wait_for_state(container, CONFIGURED)["state"], CONFIGURED)
        self.assertEqual(mounts_beneath(self.directory), [])


if __name__ == "__main__":
    main()
