"""Containers with a user namespace: who they are inside, on the host, in their files and images."""
import io
import os
import struct
import subprocess
import tarfile

from containers import EXITED, SLEEPER
from fleet import BUILD_DIR, DEADLINE, main
from storage_case import FAILED, StorageTest, mounts_beneath

FIRST = 100000
MAP = {"uid_map": [f"0:{FIRST}:65536"], "gid_map": [f"0:{FIRST}:65536"]}


class Users(StorageTest):

    def setUp(self):
        super().setUp()
        os.chmod(self.directory, 0o711)  # root of a container has to pass
        for name in ["stat", "chown", "id", "mkdir", "ls", "touch", "ln", "rm", "head"]:
            os.symlink("busybox", os.path.join(self.rootfs, "bin", name))
        os.chmod(os.path.join(self.rootfs, "tmp"), 0o1777)
        self.image = self.import_image(extra={"etc/passwd": "root:x:0:0::/:/bin/sh\nweb:x:7:8::/:/bin/sh\n",
                                              "etc/group": "root:x:0:\nweb:x:8:\n"})

    def ends_well(self, script, **fields):
        container = self.create_from(command=["/bin/sh", "-c", f"set -e; {script}; exit 3"],
                                     **{**MAP, **fields})
        row = self.run_to_end(container)
        self.assertEqual(row["exit_code"], 3, row)
        return container

    def upper(self, container, path):
        return os.stat(os.path.join(self.worker_state, "containers", container, "upper", path),
                       follow_symlinks=False)

    def test_root_inside_is_nobody_on_the_host(self):
        container = self.create_from(command=SLEEPER, **MAP)
        self.do("start", container)
        with open(f"/proc/{self.row(container)['pid']}/status") as status:
            lines = dict(line.split(":", 1) for line in status.read().splitlines())
        self.assertEqual(lines["Uid"].split(), [str(FIRST)] * 4)
        self.assertEqual(lines["Gid"].split(), [str(FIRST)] * 4)
        self.do("stop", container, timeout_s=5)
        self.wait_for_state(container, EXITED)
        self.assertEqual(mounts_beneath(self.directory), [])

    def test_files_of_the_image_belong_to_whom_the_image_says(self):
        self.ends_well("test \"$(id -u):$(id -g)\" = 0:0 && test \"$(stat -c %u:%g /bin/busybox)\" = 0:0 "
                       "&& test \"$(stat -c %u:%g /)\" = 0:0")

    def test_files_made_for_it_are_its_root_s(self):
        self.ends_well("for f in /etc/hosts /etc/resolv.conf /etc/hostname /run/.containerenv "
                       "/dev/shm /etc/passwd /dev/pts; do test \"$(stat -c %u:%g $f)\" = 0:0; done; "
                       "echo > /dev/shm/x; echo > /etc/hosts", network="private")

    def test_a_user_of_the_image_is_mapped_too(self):
        self.ends_well("test \"$(id -u):$(id -g)\" = 7:8; echo > /tmp/x; "
                       "test \"$(stat -c %u:%g /tmp/x)\" = 7:8", user="web")

    def test_a_user_without_a_number_on_the_host_is_refused(self):
        container = self.create_from(command=["/bin/true"], user="70000", **MAP)
        row = self.outcome(self.say("start", container))
        self.assertEqual(row["state"], FAILED, row)
        self.assertIn("user 70000 has no place", row["text"])
        self.do("remove", container)
        self.assertEqual(mounts_beneath(self.directory), [])

    def test_what_it_writes_is_on_the_disk_with_its_own_numbers(self):
        container = self.ends_well("echo > /tmp/root; echo > /tmp/web; chown 7:8 /tmp/web; "
                                   "chown 9:9 /bin/busybox; mkdir /tmp/d; ln -s x /tmp/l")
        for path, owner in {"tmp/root": (0, 0), "tmp/web": (7, 8), "bin/busybox": (9, 9),
                            "tmp/d": (0, 0), "tmp/l": (0, 0)}.items():
            status = self.upper(container, path)
            self.assertEqual((status.st_uid, status.st_gid), owner, path)

    def test_a_commit_is_an_image_for_everybody(self):
        container = self.ends_well("echo kept > /tmp/web; chown 7:8 /tmp/web; rm /bin/echo")
        self.do("commit", container, reference="changed")
        check = "test \"$(stat -c %u:%g /tmp/web)\" = 7:8; test ! -e /bin/echo"
        for maps in [{}, MAP, {"uid_map": ["0:300000:1000"], "gid_map": ["0:400000:1000"]}]:
            copy = self.create_from("changed", ["/bin/sh", "-c", f"set -e; {check}; exit 4"],
                                    **{"uid_map": [], "gid_map": [], **maps})
            self.assertEqual(self.run_to_end(copy)["exit_code"], 4, maps)

    def test_a_volume_is_shared_with_containers_that_have_other_maps(self):
        mounts = self.volume_mount("data")
        self.ends_well("echo one > /tmp/one; chown 7:8 /tmp/one", mounts=mounts)
        self.ends_well("test \"$(stat -c %u:%g /tmp/one)\" = 7:8; echo > /tmp/two",
                       mounts=mounts, uid_map=[], gid_map=[])
        self.ends_well("test \"$(stat -c %u:%g /tmp/one)\" = 7:8; echo more >> /tmp/two; "
                       "test \"$(stat -c %u:%g /tmp/two)\" = 0:0",
                       mounts=mounts, uid_map=["0:300000:1000"], gid_map=["0:300000:1000"])
        data = os.path.join(self.worker_state, "volumes", "data", "_data")
        self.assertEqual({name: os.stat(os.path.join(data, name)).st_uid for name in os.listdir(data)},
                         {"one": 7, "two": 0})
        self.assertEqual(mounts_beneath(self.directory), [])

    def test_an_empty_volume_is_filled_with_the_image_s_owners(self):
        for options in [None, {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}]:
            name = "plain" if options is None else "mounted"
            self.ordered("volume.create", volume={"name": name, **({"options": options} if options else {})})
            self.ends_well("test \"$(stat -c %u:%g /etc/passwd)\" = 0:0; echo > /etc/new; "
                           "test \"$(stat -c %u:%g /etc)\" = 0:0",
                           mounts=self.volume_mount(name, destination="/etc"))
        data = os.path.join(self.worker_state, "volumes", "plain", "_data")
        for path in [data, os.path.join(data, "passwd"), os.path.join(data, "new")]:
            self.assertEqual((os.stat(path).st_uid, os.stat(path).st_gid), (0, 0), path)

    def test_a_bind_mount_shows_the_host_s_numbers_unless_idmap_is_asked_for(self):
        host = os.path.join(self.directory, "host")
        os.mkdir(host)
        os.chmod(host, 0o777)
        with open(os.path.join(host, "file"), "w") as file:
            file.write("x")
        mount = {"type": "bind", "source": host, "destination": "/tmp"}
        self.ends_well("test \"$(stat -c %u /tmp/file)\" = 65534; echo > /tmp/host", mounts=[mount])
        self.ends_well("test \"$(stat -c %u /tmp/file)\" = 0; echo > /tmp/own",
                       mounts=[{**mount, "options": ["idmap"]}])
        self.assertEqual(os.stat(os.path.join(host, "host")).st_uid, FIRST)
        self.assertEqual(os.stat(os.path.join(host, "own")).st_uid, 0)
        self.ends_well("test \"$(stat -c %u /tmp)\" = 0",
                       mounts=[{**mount, "source": os.path.join(host, "file"),
                                "destination": "/tmp/file", "options": ["idmap", "ro"]}])
        self.assertEqual(mounts_beneath(self.directory), [])

    def test_a_volume_on_a_careful_file_system_can_be_read_only(self):
        self.ordered("volume.create", volume={"name": "careful", "options": {
            "type": "tmpfs", "device": "tmpfs", "o": "size=1m,nosuid,nodev,noexec"}})
        self.ends_well("! echo > /tmp/x", mounts=self.volume_mount("careful", options=["ro"]))

    def test_the_host_s_namespaces_can_be_had(self):
        self.ends_well("test -e /proc/1/comm; test -d /sys/kernel", network="host", pid="host",
                       ipc="host")

    def test_few_ids_are_enough_for_root(self):
        self.ends_well("test \"$(stat -c %u /bin/busybox)\" = 0; echo > /tmp/x",
                       uid_map=["0:100000:1"], gid_map=["0:100000:1"])

    # --- the host looks in

    def archive(self, *words):
        """What the operator's command writes to its output, as members of an archive by name."""
        program = [os.path.join(BUILD_DIR, "gantry"), *words]
        done = subprocess.run(program, check=True, stdout=subprocess.PIPE, timeout=DEADLINE,
                              env={**os.environ, "GANTRY_BROKER": self.broker_url})
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            return {os.path.normpath(entry.name): entry for entry in archive.getmembers()}

    def test_what_is_taken_out_has_the_container_s_numbers(self):
        capabilities = "SCHILY.xattr.security.capability"
        mounts = self.volume_mount("data", destination="/volume")
        make = "echo > /tmp/web; chown 7:8 /tmp/web; echo > /volume/web; chown 7:8 /volume/web"
        container = self.ends_well(make, mounts=mounts)
        path = self.do("mount", container)["results"][0]
        # As the container's root would have given them: CAP_NET_RAW, and an access list for user 7.
        os.setxattr(os.path.join(path, "tmp/web"), "security.capability", struct.pack(
            "<IIIIII", 0x03000001, 1 << 13, 0, 0, 0, FIRST))
        os.setxattr(os.path.join(path, "tmp/web"), "system.posix_acl_access", struct.pack(
            "<I" + "HHI" * 5, 2, 1, 6, 0xffffffff, 2, 4, FIRST + 7, 4, 4, 0xffffffff,
            0x10, 4, 0xffffffff, 0x20, 4, 0xffffffff))
        self.do("unmount", container)
        for members in [self.archive("export", container),
                        self.archive("cp", f"{container}:/tmp/.", "-"),
                        self.archive("cp", f"{container}:/volume/.", "-")]:
            name = next(name for name in members if name in ["web", "tmp/web"])
            self.assertEqual((members[name].uid, members[name].gid), (7, 8))
        exported = self.archive("export", container)
        self.assertEqual(exported["bin/busybox"].uid, 0)
        value = exported["tmp/web"].pax_headers[capabilities].encode("utf-8", "surrogateescape")
        self.assertEqual(value, struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
        value = exported["tmp/web"].pax_headers["SCHILY.xattr.system.posix_acl_access"]
        value = value.encode("utf-8", "surrogateescape")
        self.assertEqual(struct.unpack_from("<HHI", value, 12), (2, 4, 7))
        running = self.create_from(command=SLEEPER, mounts=mounts, **MAP)
        self.do("start", running)
        self.assertEqual(self.archive("cp", f"{running}:/volume/.", "-")["web"].uid, 7)
        self.assertEqual(self.archive("cp", f"{running}:/bin/busybox", "-")["busybox"].uid, 0)
        self.do("stop", running, timeout_s=5)
        self.assertEqual(mounts_beneath(self.directory), [])

    def put_upload(self, name, **owner):
        directory = os.path.join(self.worker_state, "storage", "uploads")
        with tarfile.open(os.path.join(directory, name), "w") as archive:
            entry = tarfile.TarInfo("sent")
            entry.size = 1
            entry.uid, entry.gid = owner.get("uid", 0), owner.get("gid", 0)
            archive.addfile(entry, io.BytesIO(b"x"))

    def test_a_copy_gets_the_numbers_of_the_archive(self):
        mounts = [*self.volume_mount("data", destination="/volume"),
                  {"type": "tmpfs", "destination": "/memory"}]
        wait = "until test -e /tmp/sent && test -e /volume/sent; do sleep 0.1; done; "
        script = (wait + "for d in /tmp /volume; do test \"$(stat -c %u:%g $d/sent)\" = 7:8; done; exit 3")
        stopped = self.create_from(command=["/bin/sh", "-c", "set -e; " + script], mounts=mounts, **MAP)
        for place in ["/tmp", "/volume"]:
            self.put_upload("up" + place[1:], uid=7, gid=8)
            self.do("copy", stopped, upload="up" + place[1:], path=place)
        self.assertEqual(self.run_to_end(stopped)["exit_code"], 3)
        running = self.create_from(command=SLEEPER, mounts=mounts, **MAP)
        self.do("start", running)
        for place in ["/tmp", "/memory", "/volume"]:
            self.put_upload("up" + place[1:], uid=7, gid=8)
            self.do("copy", running, upload="up" + place[1:], path=place)
            seen = os.stat(f"/proc/{self.row(running)['pid']}/root{place}/sent")
            self.assertEqual((seen.st_uid, seen.st_gid), (FIRST + 7, FIRST + 8), place)
        self.put_upload("strange", uid=70000)
        row = self.outcome(self.say("copy", running, upload="strange", path="/tmp"))
        self.assertEqual(row["state"], FAILED, row)
        self.assertIn("user 70000 has no place", row["text"])
        self.do("stop", running, timeout_s=5)

    def test_an_operator_s_mount_shows_the_host_s_numbers(self):
        container = self.ends_well("echo > /tmp/web; chown 7:8 /tmp/web")
        path = self.do("mount", container)["results"][0]
        self.assertEqual(os.stat(os.path.join(path, "tmp/web")).st_uid, FIRST + 7)
        self.assertEqual(os.stat(path).st_uid, FIRST)
        self.do("start", container)
        self.wait_for(container, lambda row: row["run"] == 2 and row["state"] == EXITED)
        self.do("unmount", container)
        self.assertEqual(mounts_beneath(self.directory), [])

    # --- what goes wrong

    def test_a_directory_that_its_root_may_not_pass_is_named(self):
        os.chmod(self.directory, 0o700)
        container = self.create_from(command=["/bin/true"], **MAP)
        row = self.outcome(self.say("start", container))
        self.assertEqual(row["state"], FAILED, row)
        self.assertIn(f"may not pass {self.directory}", row["text"])
        self.assertEqual(mounts_beneath(self.directory), [])

    def test_it_outlives_the_worker_and_leaves_nothing(self):
        container = self.create_from(command=SLEEPER, mounts=self.volume_mount("data"), **MAP)
        self.start_and_lose_worker(container)
        self.do("stop", container, timeout_s=5)
        self.do("start", container)
        self.assert_running(container)
        self.end_with_volume(container, "data")


if __name__ == "__main__":
    main()
