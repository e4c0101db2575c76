"""A real root filesystem, of Debian's packages, through tools that nobody here wrote: imported, run,
layered by buildah, committed to, saved, and read by podman. What a container sees is compared with
what these tools unpack, file by file.

The packages are those that this machine has installed, so that nothing is downloaded.
"""
import json
import os
import re
import shutil
import tempfile

from fleet import BUILD_DIR, main
from image_trees import different, run, tree
from storage_case import StorageTest

# What they depend on comes with them.
PACKAGES = ["base-files", "base-passwd", "bash", "coreutils", "dpkg", "grep", "login", "mawk", "passwd",
            "perl-base", "sed", "tar", "util-linux"]
# Debian's slim images are without these, too.
LEFT_OUT = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/")
MERGED = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]  # links into /usr
COPIED = ["etc/passwd", "etc/group", "etc/shadow", "etc/ld.so.cache"]  # made when packages are installed
MOUNTED = ["dev", "proc", "run", "sys", "tmp"]  # here: empty in the tar
POLICY = {"default": [{"type": "insecureAcceptAnything"}]}


def alternatives(field):
    """Of each dependency of a Depends field the names that satisfy it."""
    for one in filter(None, (part.strip() for part in field.split(","))):
        yield [re.match(r"[^\s:(]+", name.strip()).group() for name in one.split("|")]


def closure(wanted):
    text = run("dpkg-query", "-W", "-f",
               "${binary:Package}\t${db:Status-Status}\t${Pre-Depends}, ${Depends}\n")
    depends = {}
    for line in text.splitlines():
        name, status, field = line.split("\t")
        if status == "installed":
            depends[name.split(":")[0]] = (name, field)
    found, waiting = {}, list(wanted)
    while waiting:
        name = waiting.pop()
        if name in found or name not in depends:
            continue  # some other package provides it
        found[name], field = depends[name]
        waiting += [next((one for one in names if one in depends), names[0])
                    for names in alternatives(field)]
    return sorted(found.values())


def files_of(packages):
    """As they lie in a merged /usr, each once, directories before what is in them."""
    paths = set()
    for path in run("dpkg", "-L", *packages).splitlines():
        if not path.startswith("/") or path.startswith(LEFT_OUT) or path == "/.":
            continue
        path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        if os.path.lexists(path):
            paths.add(path[1:])
    paths -= {*MOUNTED}
    paths |= {name for name in [*MERGED, *COPIED] if os.path.lexists(f"/{name}")}
    return sorted(paths)


def make_root(archive):
    """A tar of it, by GNU tar."""
    packages = closure(PACKAGES)
    with tempfile.TemporaryDirectory(prefix="gantry-status-") as scratch:
        for name in [*MOUNTED, "var/lib/dpkg"]:
            os.makedirs(f"{scratch}/{name}")
        with open(f"{scratch}/var/lib/dpkg/status", "w", encoding="utf-8") as file:
            file.write(run("dpkg-query", "-s", *packages))
        run("tar", "--create", "--file", archive, "--numeric-owner", "--xattrs",
            "--xattrs-include=*", "--no-recursion", "--directory", "/", "--files-from", "-",
            input="\n".join(files_of(packages)) + "\n")
        run("tar", "--append", "--file", archive, "--numeric-owner", "--directory", scratch,
            *MOUNTED, "var/lib/dpkg/status")


class DebianImageTest(StorageTest):

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.mkdtemp(prefix="gantry-debian-")
        cls.archive = f"{cls.shared}/root.tar"
        make_root(cls.archive)
        cls.policy = f"{cls.shared}/policy.json"
        with open(cls.policy, "w", encoding="ascii") as file:
            json.dump(POLICY, file)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)

    def setUp(self):
        super().setUp()
        self.gantry("import", "--change", 'CMD ["/bin/bash"]', self.archive, "debian")

    def gantry(self, *words):
        return run(os.path.join(BUILD_DIR, "gantry"), "--broker", self.broker.url, *words).strip()

    def at(self, *names):
        return os.path.join(self.directory, *names)

    def seen(self, image):
        """What a container of the image sees; the files that only containers get are not of it."""
        container = self.gantry("create", image, "true")
        found = tree(self.gantry("mount", container))
        self.gantry("umount", container)
        self.gantry("rm", container)
        return found

    def said(self, image, script):
        return self.gantry("run", "--rm", "--network", "none", image, "bash", "-ec", script)

    def assert_same(self, found, wanted):
        self.assertEqual(different(found, wanted), [])

    def foreign(self, program):
        """buildah or podman, with a store of its own."""
        words = [program, "--root", self.at(program), "--runroot", self.at(f"{program}-run"),
                 "--storage-driver", "vfs"]
        if program == "podman":
            words += ["--cgroup-manager", "cgroupfs", "--events-backend", "none"]
        return lambda *arguments: run(*words, *arguments).strip()

    def by_umoci(self, archive, name):
        """What umoci makes of an archive with an OCI layout."""
        layout = self.at("layout")
        os.mkdir(layout)
        run("tar", "-xf", archive, "-C", layout)
        run("umoci", "unpack", "--image", f"{layout}:{name}", self.at("bundle"))
        return tree(self.at("bundle", "rootfs"))

    def test_it_is_what_tar_unpacks_and_it_runs(self):
        unpacked = self.at("unpacked")
        os.mkdir(unpacked)
        run("tar", "--extract", "--file", self.archive, "--numeric-owner", "--xattrs",
            "--xattrs-include=*", "--preserve-permissions", "--same-owner", "--directory", unpacked)
        wanted = tree(unpacked)
        self.assertGreater(len(wanted), 1000)
        self.assert_same(self.seen("debian"), wanted)
        said = self.said("debian", "perl -e 'print 6 * 7, qq(\\n)'; id -un;"
                                   "dpkg-query -W -f '${Status}\\n' dpkg; ls -l /usr/bin/passwd")
        self.assertRegex(said, r"^42\s+root\s+install ok installed\s+-rwsr-xr-x 1 root root ")

    def test_what_buildah_makes_of_it_is_what_buildah_sees(self):
        buildah = self.foreign("buildah")
        self.gantry("save", "--format", "oci-archive", "-o", self.at("ours.tar"), "debian")
        base = buildah("pull", "--signature-policy", self.policy, f"oci-archive:{self.at('ours.tar')}")
        for step in range(3):
            working = buildah("from", "--signature-policy", self.policy, base.split()[-1])
            where = buildah("mount", working)
            self.change(where, step)
            buildah("config", "--env", f"STEP{step}=done", "--workingdir", "/srv", working)
            base = buildah("commit", "--signature-policy", self.policy, "--quiet", working)
        wanted = tree(where)
        buildah("push", "--signature-policy", self.policy, base, f"oci-archive:{self.at('theirs.tar')}:layered")
        self.gantry("load", "-i", self.at("theirs.tar"))
        self.assert_same(self.seen("layered"), wanted)
        said = self.said("layered", "echo $STEP0 $STEP1 $STEP2 $PWD; cat /srv/step; test ! -e /usr/bin/sort")
        self.assertEqual(said.split(), ["done", "done", "done", "/srv", "2"])

    @staticmethod
    def change(root, step):
        os.makedirs(f"{root}/srv", exist_ok=True)
        with open(f"{root}/srv/step", "w", encoding="ascii") as file:
            file.write(f"{step}\n")
        os.link(f"{root}/srv/step", f"{root}/srv/step{step}")
        os.chown(f"{root}/srv/step{step}", 1000 + step, 100)
        if step == 1:
            os.unlink(f"{root}/usr/bin/sort")  # it has no other name: an overlay would go on counting it
            shutil.rmtree(f"{root}/usr/lib/systemd", ignore_errors=True)
        if step == 2:
            os.setxattr(f"{root}/usr/bin/dpkg", "user.note", b"marked")
            os.mkdir(f"{root}/usr/lib/systemd", 0o750)

    def test_what_is_committed_here_is_what_umoci_and_podman_see(self):
        self.gantry("run", "--name", "changed", "--network", "none", "debian", "bash", "-ec",
                    "rm -r /usr/share/perl5; useradd -m -u 1234 somebody; chmod 4711 /usr/bin/sed;"
                    "ln /usr/bin/sed /usr/bin/sed-too; echo new > /etc/new")
        self.gantry("commit", "changed", "committed")
        wanted = self.seen("committed")
        self.assertIn("home/somebody/.bashrc", wanted)
        self.assertNotIn("usr/share/perl5", wanted)
        self.gantry("save", "--format", "oci-archive", "-o", self.at("oci.tar"), "committed")
        self.assert_same(self.by_umoci(self.at("oci.tar"), "localhost/committed:latest"), wanted)
        self.gantry("save", "-o", self.at("docker.tar"), "committed")
        podman = self.foreign("podman")
        podman("load", "--signature-policy", self.policy, "-i", self.at("docker.tar"))
        self.assert_same(tree(podman("image", "mount", "localhost/committed:latest")), wanted)


if __name__ == "__main__":
    main()
