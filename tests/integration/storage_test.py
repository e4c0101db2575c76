"""Images and volumes on a real worker: from a tar to a running container, and what is left after."""
import os

from containers import EXITED, SLEEPER
from fleet import main
from storage_case import FAILED, REFUSED, StorageTest, mounts_beneath


class Storage(StorageTest):

    # --- images

    def test_an_imported_tar_becomes_an_image_and_runs(self):
        image = self.import_image(changes=["CMD=[\"/bin/sh\",\"-c\",\"exit $CODE\"]", "ENV=CODE=7"])
        self.assertEqual(self.images()[image]["names"], ["localhost/web:latest"])
        container = self.create_from()
        row = self.run_to_end(container)
        self.assertEqual(row["exit_code"], 7, row)
        self.assertEqual(row["config"]["image_id"], image)
        self.assertEqual(mounts_beneath(self.worker_run), [])

    def test_what_a_container_writes_is_its_own(self):
        self.import_image()
        first = self.create_from(command=["/bin/sh", "-c", "echo mine > /tmp/file"])
        second = self.create_from(command=["/bin/sh", "-c", "cat /tmp/file && exit 1; exit 0"])
        self.assertEqual(self.run_to_end(first)["exit_code"], 0)
        self.assertEqual(self.run_to_end(second)["exit_code"], 0)
        again = ["/bin/sh", "-c", "cat /tmp/file"]
        third = self.create_from(command=again)
        self.assertEqual(self.run_to_end(third)["exit_code"], 1)

    def test_a_container_keeps_its_files_over_restarts(self):
        self.import_image()
        container = self.create_from(command=["/bin/sh", "-c", "cat /tmp/f && exit 3; echo > /tmp/f"])
        self.assertEqual(self.run_to_end(container)["exit_code"], 0)
        self.do("start", container)
        row = self.wait_for(container, lambda row: row["run"] == 2 and row["state"] == EXITED)
        self.assertEqual(row["exit_code"], 3, row)

    def test_removing_everything_leaves_nothing(self):
        image = self.import_image()
        container = self.create_from(command=["/bin/true"])
        self.run_to_end(container)
        self.assertEqual(self.order("image.remove", image="web")["code"], "image-in-use")
        self.do("remove", container)
        self.assertFalse(os.path.exists(os.path.join(self.worker_state, "containers", container)))
        self.assertEqual(self.ordered("image.remove", image="web")["results"], [image])
        self.assertEqual(self.images(), {})
        self.assertEqual(self.layers(), [])

    def test_a_broken_archive_is_refused_and_leaves_nothing(self):
        path = os.path.join(self.directory, "broken.tar")
        with open(self.tar(), "rb") as whole, open(path, "wb") as broken:
            broken.write(whole.read(700))
        row = self.order("image.import", path=path, reference="web")
        self.assertEqual(row["state"], FAILED, row)
        self.assertEqual(self.layers(), [])
        self.assertEqual(self.images(), {})

    def test_an_image_that_is_not_there_is_refused_by_name(self):
        container = self.new_container()
        row = self.outcome(self.say("create", container, config=self.image_config(
            container, "nothing", ["/bin/true"], pull="never")))
        self.assertEqual((row["state"], row["code"]), (REFUSED, "no-image"), row)
        self.assertIn("nothing", row["text"])

    def test_a_commit_keeps_what_was_changed(self):
        self.import_image()
        container = self.create_from(command=["/bin/sh", "-c", "echo kept > /tmp/f; rm /bin/echo"])
        self.run_to_end(container)
        row = self.do("commit", container, reference="changed", changes=["ENV=A=1"])
        self.assertEqual(len(self.images()[row["results"][0]]["layers"]), 2)
        check = "test \"$(cat /tmp/f)\" = kept && test ! -e /bin/echo && test $A = 1 && exit 4"
        copy = self.create_from("changed", ["/bin/sh", "-c", check])
        self.assertEqual(self.run_to_end(copy)["exit_code"], 4)

    def test_a_running_container_is_paused_only_while_it_is_committed(self):
        self.import_image()
        container = self.create_from(command=SLEEPER)
        self.do("start", container)
        self.do("commit", container, reference="changed")
        self.assert_running(container)
        self.do("stop", container, timeout_s=5)

    def test_an_operator_can_look_into_a_stopped_container(self):
        self.import_image()
        container = self.create_from(command=["/bin/sh", "-c", "echo seen > /tmp/f"])
        self.run_to_end(container)
        path = self.do("mount", container)["results"][0]
        with open(os.path.join(path, "tmp/f")) as file:
            self.assertEqual(file.read(), "seen\n")
        self.do("start", container)
        self.wait_for(container, lambda row: row["run"] == 2 and row["state"] == EXITED)
        self.assertEqual(mounts_beneath(self.worker_run), [path])
        self.do("unmount", container)
        self.assertEqual(mounts_beneath(self.worker_run), [])

    # --- volumes

    def test_a_volume_outlives_its_containers(self):
        self.import_image()
        self.ordered("volume.create", volume={"name": "data"})
        writer = self.create_from(command=["/bin/sh", "-c", "echo kept > /tmp/f"],
                                  mounts=self.volume_mount("data"))
        self.run_to_end(writer)
        self.assertEqual(self.order("volume.remove", name="data")["code"], "volume-in-use")
        self.do("remove", writer)
        reader = self.create_from(command=["/bin/sh", "-c", "test $(cat /tmp/f) = kept"],
                                  mounts=self.volume_mount("data"))
        self.assertEqual(self.run_to_end(reader)["exit_code"], 0)
        self.do("remove", reader)
        self.ordered("volume.remove", name="data")
        self.assertEqual(self.volumes(), {})
        self.assertFalse(os.path.exists(os.path.join(self.worker_state, "volumes", "data")))

    def test_an_empty_volume_is_filled_from_the_image_once(self):
        self.import_image(extra={"tmp/seed": "from the image"})
        mounts = self.volume_mount("data")
        first = self.create_from(command=["/bin/sh", "-c", "test -e /tmp/seed && echo x > /tmp/seed"],
                                 mounts=mounts)
        self.assertEqual(self.run_to_end(first)["exit_code"], 0)
        second = self.create_from(command=["/bin/sh", "-c", "test $(cat /tmp/seed) = x"],
                                  mounts=mounts)
        self.assertEqual(self.run_to_end(second)["exit_code"], 0)

    def test_an_anonymous_volume_goes_with_its_container(self):
        self.import_image(changes=["VOLUME=/tmp"])
        container = self.create_from(command=["/bin/sh", "-c", "echo > /tmp/f"])
        name, = self.volumes()
        self.assertTrue(self.volumes()[name]["anonymous"])
        self.run_to_end(container)
        self.do("remove", container, volumes=True)
        self.assertEqual(self.volumes(), {})
        self.assertEqual(os.listdir(os.path.join(self.worker_state, "volumes")), [])

    def test_a_volume_with_options_is_mounted_while_it_is_used(self):
        self.import_image()
        self.ordered("volume.create", volume={
            "name": "small", "options": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}})
        container = self.create_from(command=SLEEPER, mounts=self.volume_mount("small"))
        self.do("start", container)
        data = os.path.join(self.worker_state, "volumes", "small", "_data")
        self.assertIn(data, mounts_beneath(self.worker_state))
        self.do("stop", container, timeout_s=5)
        self.wait_for_state(container, EXITED)
        self.assertNotIn(data, mounts_beneath(self.worker_state))

    # --- the worker dies

    def test_containers_of_images_outlive_the_worker(self):
        self.import_image()
        container = self.create_from(command=SLEEPER, mounts=self.volume_mount("data"))
        self.start_and_lose_worker(container)
        self.end_with_volume(container, "data")


if __name__ == "__main__":
    main()
