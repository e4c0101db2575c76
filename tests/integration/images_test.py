"""Real images, made and read by umoci and skopeo: the store must see them as these do.

What a container would see (the layers, mounted by overlayfs) is compared with what umoci unpacks,
file by file.
"""
import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import tempfile
import unittest

from image_trees import different, run, tree

TOOL = os.path.join(os.environ["GANTRY_BUILD_DIR"], "tests", "image_tool")
BUSYBOX = "/bin/busybox"
# cap_net_raw+ep, as the kernel keeps it.
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


def write(path, content=b"", mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def fill_base(root):
    os.makedirs(f"{root}/bin")
    shutil.copy(BUSYBOX, f"{root}/bin/busybox")
    os.chmod(f"{root}/bin/busybox", 0o4755)
    for name in ("sh", "ls"):
        os.link(f"{root}/bin/busybox", f"{root}/bin/{name}")
    os.symlink("busybox", f"{root}/bin/cat")
    os.symlink("/outside/of/it", f"{root}/bin/dangling")
    write(f"{root}/bin/ping", b"ping")
    os.setxattr(f"{root}/bin/ping", "security.capability", CAPABILITY)
    for name in ("changed", "removed", "dir/one", "dir/deep/two", "becomes-dir", "becomes-file/x",
                 "opaque/old", "opaque/deep/old", "n" * 200, "ünïcode/€", "d/" * 60 + "end"):
        write(f"{root}/data/{name}", name.encode())
    os.setxattr(f"{root}/data/changed", "user.note", b"\x00\x01binary")
    os.setxattr(f"{root}/data/dir", "user.note", b"of a directory")
    os.chown(f"{root}/data/dir/one", 1000, 2000)
    os.lchown(f"{root}/bin/cat", 3, 4)
    os.chmod(f"{root}/data/dir", 0o2770)
    os.mkfifo(f"{root}/data/pipe", 0o600)
    os.mknod(f"{root}/data/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    os.mknod(f"{root}/data/disk", 0o660 | stat.S_IFBLK, os.makedev(259, 70000))
    with open(f"{root}/data/sparse", "wb") as file:
        file.seek(3 << 20)
        file.write(b"end")
    os.utime(f"{root}/data/changed", (1, 1))


def change(root):
    data = f"{root}/data"
    os.unlink(f"{data}/removed")
    shutil.rmtree(f"{data}/dir/deep")
    os.unlink(f"{data}/becomes-dir")
    write(f"{data}/becomes-dir/y", b"y")
    shutil.rmtree(f"{data}/becomes-file")
    write(f"{data}/becomes-file", b"now a file")
    write(f"{data}/changed", b"changed", 0o600)
    os.chmod(f"{data}/dir", 0o755)
    os.link(f"{data}/changed", f"{data}/changed-too")
    shutil.rmtree(f"{data}/opaque")
    write(f"{data}/opaque/new", b"new")


def layer_tar(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.mode = 0o644
            if content is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class ImagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="gantry-images-")
        cls.layout = f"{cls.shared}/layout"
        bundle = f"{cls.shared}/bundle"
        run("umoci", "init", "--layout", cls.layout)
        run("umoci", "new", "--image", f"{cls.layout}:web")
        run("umoci", "unpack", "--image", f"{cls.layout}:web", bundle)
        fill_base(f"{bundle}/rootfs")
        run("umoci", "repack", "--refresh-bundle", "--image", f"{cls.layout}:web", bundle)
        change(f"{bundle}/rootfs")
        run("umoci", "repack", "--image", f"{cls.layout}:web", bundle)
        # What umoci doesn't write by itself: an opaque directory.
        with open(f"{cls.shared}/opaque.tar", "wb") as file:
            file.write(layer_tar((("data/", None), ("data/dir/", None),
                                  ("data/dir/.wh..wh..opq", b""), ("data/dir/three", b"three"))))
        run("umoci", "raw", "add-layer", "--image", f"{cls.layout}:web", f"{cls.shared}/opaque.tar")
        run("umoci", "config", "--image", f"{cls.layout}:web", "--config.cmd", "/bin/sh",
            "--config.env", "A=b", "--config.label", "k=v", "--config.volume", "/data")
        cls.wanted = cls.unpacked(cls.layout, "web", f"{cls.shared}/unpacked")
        with open(f"{cls.layout}/index.json", encoding="utf-8") as file:
            cls.digest = json.load(file)["manifests"][0]["digest"].removeprefix("sha256:")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)

    @staticmethod
    def unpacked(layout, tag, bundle):
        run("umoci", "unpack", "--image", f"{layout}:{tag}", bundle)
        return tree(f"{bundle}/rootfs")

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="gantry-images-")
        self.addCleanup(shutil.rmtree, self.directory)
        self.store = f"{self.directory}/storage"

    def tool(self, *arguments, **options):
        return run(TOOL, self.store, *arguments, **options).split()

    def refused(self, *arguments):
        done = subprocess.run([TOOL, self.store, *arguments], capture_output=True, text=True,
                              timeout=300, check=False)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def mounted(self, image, *options):
        """The layers as a container sees them."""
        links = self.tool("layers", image)[1::2]
        lower = ":".join(reversed(links + ([] if len(links) > 1 else ["../staging"])))
        target = f"{self.directory}/merged"
        os.makedirs(target, exist_ok=True)
        run("mount", "-t", "overlay", "overlay", "-o",
            ",".join((f"lowerdir={lower}", *options)), target, cwd=f"{self.store}/l")
        self.addCleanup(subprocess.run, ["umount", target], stderr=subprocess.DEVNULL, check=False)
        return target

    def seen(self, image):
        target = self.mounted(image, "ro")
        found = tree(target)
        run("umount", target)
        return found

    def assert_same(self, found, wanted):
        self.assertEqual(different(found, wanted), [])

    def test_a_layout_looks_as_umoci_unpacks_it(self):
        self.tool("load", self.layout)
        self.tool("verify", "web")
        self.assertIn(self.digest, self.tool("list"))
        self.assert_same(self.seen("web"), self.wanted)

    def test_archives_of_skopeo_are_the_same_image(self):
        image = self.tool("load", self.layout)[0]
        for transport, name in (("oci-archive", "localhost/app:1"), ("docker-archive", "app:1"),
                                ("dir", None)):
            with self.subTest(transport=transport):
                path = f"{self.directory}/{transport}"
                run("skopeo", "copy", "--quiet", "--insecure-policy", f"oci:{self.layout}:web",
                    f"{transport}:{path}{':' + name if name else ''}")
                self.store = f"{self.directory}/of-{transport}"
                self.assertEqual(self.tool("load", path), [image])
                self.tool("verify", image)
                self.assert_same(self.seen(image), self.wanted)
        self.store = f"{self.directory}/of-docker-archive"
        self.assertIn("docker.io/library/app:1", self.tool("list"))

    def test_what_is_saved_is_what_umoci_and_skopeo_read(self):
        image = self.tool("load", self.layout)[0]
        self.tool("save", "oci", f"{self.directory}/oci.tar", "web")
        self.tool("save", "docker", f"{self.directory}/docker.tar", "web")
        again = f"{self.directory}/again"
        os.mkdir(again)
        run("tar", "-xf", f"{self.directory}/oci.tar", "-C", again)
        found = self.unpacked(again, "localhost/web:latest", f"{self.directory}/bundle")
        self.assert_same(found, self.wanted)
        for source in ("oci-archive:oci.tar", "docker-archive:docker.tar"):
            config = run("skopeo", "inspect", "--raw", "--config", source, cwd=self.directory)
            self.assertEqual(hashlib.sha256(config.encode()).hexdigest(), image)
        manifest = run("skopeo", "inspect", "--raw", "oci-archive:oci.tar", cwd=self.directory)
        self.assertEqual(hashlib.sha256(manifest.encode()).hexdigest(), self.digest)

    def test_a_commit_looks_as_the_container_did(self):
        self.tool("load", self.layout)
        upper = f"{self.directory}/upper"
        os.mkdir(upper)
        os.mkdir(f"{self.directory}/work")
        target = self.mounted("web", f"upperdir={upper}", f"workdir={self.directory}/work")
        os.unlink(f"{target}/bin/ping")
        os.unlink(f"{target}/data/becomes-file")
        shutil.rmtree(f"{target}/data/dir")
        write(f"{target}/data/dir/only", b"only")
        write(f"{target}/data/new", b"new", 0o4711)
        os.link(f"{target}/data/new", f"{target}/data/new-too")
        os.setxattr(f"{target}/data/new", "user.note", b"noted")
        os.mknod(f"{target}/data/tty", 0o620 | stat.S_IFCHR, os.makedev(4, 1))
        wanted = tree(target)
        run("umount", target)
        self.tool("commit", "web", upper, "done")
        self.assert_same(self.seen("done"), wanted)
        self.tool("save", "oci", f"{self.directory}/oci.tar", "done")
        again = f"{self.directory}/again"
        os.mkdir(again)
        run("tar", "-xf", f"{self.directory}/oci.tar", "-C", again)
        found = self.unpacked(again, "localhost/done:latest", f"{self.directory}/bundle")
        self.assert_same(found, wanted)

    def test_skopeo_fetches_and_says_why_it_cannot(self):
        image = self.tool("load", self.layout)[0]
        self.store = f"{self.directory}/fetched"
        self.assertEqual(self.tool("pull", f"oci:{self.layout}:web", "here:1"), [image])
        self.assertIn(self.digest, self.tool("list"))
        self.assertIn("localhost/here:1", self.tool("list"))
        self.assertIn("no descriptor found", self.refused("pull", f"oci:{self.layout}:none"))
        self.assertEqual(os.listdir(f"{self.store}/staging"), [])

    def rewrite_layer(self, change_blob):
        """The layout with another last layer, whose blob has the digest that is said of it."""
        layout = f"{self.directory}/layout"
        shutil.copytree(self.layout, layout)

        def put(content):
            digest = hashlib.sha256(content).hexdigest()
            with open(f"{layout}/blobs/sha256/{digest}", "wb") as file:
                file.write(content)
            return {"digest": f"sha256:{digest}", "size": len(content)}

        def get(descriptor):
            with open(f"{layout}/blobs/{descriptor['digest'].replace(':', '/')}", "rb") as file:
                return file.read()

        with open(f"{layout}/index.json", encoding="utf-8") as file:
            index = json.load(file)
        manifest = json.loads(get(index["manifests"][0]))
        manifest["layers"][0].update(put(change_blob(get(manifest["layers"][0]))))
        index["manifests"][0].update(put(json.dumps(manifest).encode()))
        with open(f"{layout}/index.json", "w", encoding="utf-8") as file:
            json.dump(index, file)
        return layout

    def test_broken_compression_leaves_nothing(self):
        middle = 1000
        for number, breakage in enumerate((
                lambda blob: blob[:len(blob) // 2],
                lambda blob: blob[:-20],
                lambda blob: blob[:middle] + bytes([blob[middle] ^ 255]) + blob[middle + 1:],
                lambda blob: gzip.compress(gzip.decompress(blob)[:-10240]),
                lambda blob: b"")):
            with self.subTest(number=number):
                layout = self.rewrite_layer(breakage)
                self.refused("load", layout)
                for name in ("layers", "blobs/sha256", "images", "staging", "l"):
                    self.assertEqual(os.listdir(f"{self.store}/{name}"), [])
                shutil.rmtree(layout)


if __name__ == "__main__":
    unittest.main()
