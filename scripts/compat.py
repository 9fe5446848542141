"""The comparison behind scripts/compat: compat.py TREE CONFIG PKG PYTHON."""

import difflib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
# 5 July 2026, 09:08:07: a day of one digit.
MOMENT, DAY = "1783242487", "20260705"
PROXIES = {"http_proxy": "http://proxy.example.org:8080", "apt_options": "-o Acquire::Retries=3"}
VARIANTS = [
    ("as it is", {}, ""),
    ("with a proxy and apt_options", PROXIES, ""),
    ("with a proxy for apt alone", {**PROXIES, "apt_only_proxy": "http://apt.example.org:3142"}, ""),
    ("nightly", {}, DAY),
    ("nightly, with a proxy and apt_options", PROXIES, DAY),
]
# The same for both programs, so that only what is compared can differ.
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "SOURCE_DATE_EPOCH": MOMENT,
    "DEBFULLNAME": "Ann Éxample",
    "DEBEMAIL": "ann@example.org",
    "PYTHONDONTWRITEBYTECODE": "1",
}


class Comparison:
    """Runs both programs and counts what agrees."""

    def __init__(self, tree, config, pkg, python, scratch):
        self.tree, self.config, self.python, self.scratch = tree, config, python, scratch
        self.pkg = os.path.abspath(pkg)
        self.differences = 0
        self.compared = 0
        self.round = 0

    def say(self, what, same, of, remark=""):
        self.compared += of
        if of == 0:
            return
        print(f"{what:<56} {same:>5} of {of:<5} {remark}".rstrip())

    def differ(self, text):
        self.differences += 1
        print("  differs:", text)

    def show(self, ours, theirs):
        """Shows the first lines that differ."""
        ours, theirs = (text.decode(errors="replace").splitlines(keepends=True) for text in (ours, theirs))
        lines = difflib.unified_diff(theirs, ours, "docker-pkg", "pkg", n=1)
        for line in itertools.islice(lines, 20):
            print("    " + line.rstrip("\n"))

    def run_peer(self, *arguments):
        command = [self.python, os.path.join(HERE, "peer.py"), *arguments]
        self.must("docker-pkg", subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False))

    def run_pkg(self, config, *arguments):
        command = [self.pkg, "-c", config, *arguments]
        return subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)

    def ask_pkg(self, config, *arguments):
        """Gives what pkg prints; where it refuses the tree, its own words are all that there is to say."""
        return self.must("pkg", self.run_pkg(config, *arguments)).stdout

    def must(self, program, ran):
        if ran.returncode != 0:
            said = ran.stderr.decode(errors="replace").splitlines()
            raise Refused(program, said[-3:] if program == "docker-pkg" else said)
        return ran

    def peer_tree(self):
        """Gives docker-pkg a tree in which it sees the declared images too: of those it asks name and version alone."""
        copy = os.path.join(self.scratch, "tree")
        shutil.copytree(self.tree, copy, symlinks=True)
        self.declared = set()
        for directory, _, files in os.walk(copy):
            if "image.yaml" in files and "changelog" in files and "Dockerfile.template" not in files:
                write(b"FROM scratch\n", directory, "Dockerfile.template")
                self.declared.add(os.path.relpath(directory, copy))
        return copy

    def settings(self, number, extra):
        """Writes the settings of a variant."""
        with open(self.config, encoding="utf-8") as source:
            settings = yaml.safe_load(source) or {}
        path = os.path.join(self.scratch, f"config-{number}.yaml")
        write(yaml.safe_dump({**settings, **extra}).encode(), path)
        return path

    def compare(self):
        copy = self.peer_tree()
        for number, (name, extra, nightly) in enumerate(VARIANTS):
            print(f"{name}:")
            config = self.settings(number, extra) if extra else self.config
            theirs = os.path.join(self.scratch, f"theirs-{number}")
            self.run_peer("describe", copy, config, theirs, nightly)
            flavour = ["--nightly"] if nightly else []
            ours = os.path.join(self.scratch, f"ours-{number}")
            self.ask_pkg(config, "render", "--all", "--out", ours, *flavour, self.tree)
            with open(os.path.join(theirs, "images.json"), encoding="utf-8") as source:
                images = json.load(source)
            self.compare_dockerfiles(images, ours, theirs)
            listed = json.loads(self.ask_pkg(config, "list", "--offline", "--json", *flavour, self.tree))
            self.compare_labels(images, {image["name"]: image for image in listed["images"]})
        graph = json.loads(self.ask_pkg(self.config, "graph", "--json", self.tree))
        self.compare_dependencies(images, graph)
        versions = {image["name"]: image["version"] for image in listed["images"]}
        for title, wanted in (
            ("update to the next rebuild:", {}),
            ("update to 99.0.1-1:", dict.fromkeys(versions, "99.0.1-1")),
            ("update to the next revision:", {name: next_revision(it) for name, it in versions.items()}),
        ):
            print(title)
            self.compare_updates(images, graph, copy, wanted)

    def compare_dockerfiles(self, images, ours, theirs):
        paths = [path for path in images if path not in self.declared]
        same = 0
        for path in paths:
            error = os.path.join(theirs, path, "error")
            if os.path.exists(error):
                self.differ(f"{path}: docker-pkg cannot render it: {read(error).decode().strip()}")
            elif read(ours, path, "Dockerfile") == read(theirs, path, "Dockerfile"):
                same += 1
            else:
                self.differ(f"{path}: Dockerfile")
                self.show(read(ours, path, "Dockerfile"), read(theirs, path, "Dockerfile"))
        self.say("  Dockerfiles identical to the byte", same, len(paths))

    def compare_labels(self, images, listed):
        same = 0
        for path, image in images.items():
            found = listed.get(image["name"], {}).get("label")
            if found == image["label"]:
                same += 1
            else:
                self.differ(f"{path}: label {found}, not {image['label']}")
        if len(listed) != len(images):
            self.differ(f"{len(listed)} images, not {len(images)}")
        self.say("  labels identical", same, len(images))

    def compare_dependencies(self, images, graph):
        names = {image["name"] for image in images.values()}
        declared, all_edges, sources = {}, {}, {}
        for edge in graph["edges"]:
            kinds = {source["kind"] for source in edge["sources"]}
            all_edges.setdefault(edge["child"], set()).add(edge["parent"])
            sources[edge["child"], edge["parent"]] = kinds
            if "control" in kinds:
                declared.setdefault(edge["child"], set()).add(edge["parent"])
        same, edges, broken = 0, 0, 0
        position = {name: index for index, name in enumerate(graph["order"])}
        for path, image in images.items():
            # docker-pkg takes `base (>= 1)` and `base:any` for names; pkg strips that and says so.
            plain = {re.split(r"[\s(\[<:|]", name)[0] for name in image["depends"] or []}
            theirs = plain & names - {image["name"]}
            if theirs == declared.get(image["name"], set()):
                same += 1
            else:
                self.differ(f"{path}: depends on {sorted(declared.get(image['name'], []))}, not {sorted(theirs)}")
            for parent in theirs:
                edges += 1
                if position[parent] > position[image["name"]]:
                    broken += 1
                    self.differ(f"{parent} is ordered after {image['name']}")
        undeclared = sum("control" not in kinds for kinds in sources.values())
        print("dependencies:")
        self.say("  declared ones identical", same, len(images))
        self.say("  edges that the order keeps", edges - broken, edges, f"({undeclared} more that only recipes show)")

    def compare_updates(self, images, graph, copy, versions):
        self.round += 1
        theirs = os.path.join(self.scratch, f"updates-{self.round}")
        wanted_versions = os.path.join(self.scratch, f"versions-{self.round}")
        write(json.dumps(versions).encode(), wanted_versions)
        self.run_peer("update", copy, self.config, wanted_versions, theirs)
        counts = dict.fromkeys(["same", "files", "unlike", "ours alone", "failed", "right", "lower"], 0)
        work = os.path.join(self.scratch, f"work-{self.round}")
        shutil.copytree(self.tree, work, symlinks=True)
        path_of = {image["name"]: path for path, image in images.items()}
        children, declared = {}, {}
        for edge in graph["edges"]:
            children.setdefault(edge["parent"], set()).add(edge["child"])
            if any(source["kind"] == "control" for source in edge["sources"]):
                declared.setdefault(edge["parent"], set()).add(edge["child"])
        self.first_failure = ""
        for name in sorted(path_of):
            wanted = {n: path_of[n] for n in dependants(name, children)}
            known = dependants(name, declared)
            self.compare_update(name, versions.get(name), (wanted, known), work, theirs, counts)
        self.say("  updates of docker-pkg, and identical here", counts["same"], len(path_of) - counts["failed"])
        self.say("  changelogs of these, identical to the byte", counts["files"], counts["files"] + counts["unlike"])
        self.say("  updates at which docker-pkg fails, and right here", counts["right"], counts["failed"], self.first_failure)
        print(f"  changelogs that only pkg touches, for undeclared dependencies: {counts['ours alone']}")
        print(f"  versions that pkg takes only with --force, since they are lower: {counts['lower']}")

    def compare_update(self, name, version, wanted_and_known, work, theirs, counts):
        wanted, known = wanted_and_known
        asked = ["--version", version] if version else []
        reason = ["--reason", "Compared with another program\n  and, in a second line, found to be équal"]
        command = ["update", name, *asked, *reason, "--json", work]
        ran = self.run_pkg(self.config, *command)
        # docker-pkg takes a lower version, which pkg refuses unless it is told to take it.
        is_lower = b"does not sort after" in ran.stderr
        if is_lower:
            counts["lower"] += 1
            ran = self.run_pkg(self.config, *command, "--force")
        if ran.returncode != 0:
            self.differ(f"update {name}: exit code {ran.returncode}: {ran.stderr.decode().splitlines()[-2:]}")
            return
        updates = {update["name"]: update for update in json.loads(ran.stdout)["updates"]}
        error = os.path.join(theirs, name, "error")
        failed = os.path.exists(error)
        if failed and not self.first_failure:
            self.first_failure = f"({name}: {read(error).decode().strip()[:60]})"
        counts["failed"] += failed
        agrees = set(updates) == set(wanted)
        if not agrees:
            self.differ(f"update {name}: touches {sorted(updates)}, not {sorted(wanted)}")
        for touched, path in wanted.items():
            ours, before = read(work, path, "changelog"), read(self.tree, path, "changelog")
            write(before, work, path, "changelog")
            other = os.path.join(theirs, name, path, "changelog")
            if os.path.exists(other):
                is_same = read(other) == ours
                counts["files" if is_same else "unlike"] += 1
                if not is_same:
                    agrees = False
                    self.differ(f"update {name}: {path}/changelog")
                    self.show(ours, read(other))
            elif not failed and touched in known:
                agrees = False
                self.differ(f"update {name}: only pkg touches {path}")
            elif not failed:
                counts["ours alone"] += 1
            may_be_lower = is_lower and touched == name
            agrees &= self.is_right(ours, before, updates.get(touched), may_be_lower)
        counts["right" if failed else "same"] += agrees
        for path in self.touched_by_peer(theirs, name):
            if path not in wanted.values():
                self.differ(f"update {name}: only docker-pkg touches {path}")

    def touched_by_peer(self, theirs, name):
        top = os.path.join(theirs, name)
        for directory, _, files in os.walk(top):
            if "changelog" in files:
                yield os.path.relpath(directory, top)

    def is_right(self, ours, before, update, may_be_lower):
        """The new entry is on top, dpkg reads it and finds it newer, and what was there is there to the byte."""
        rest = before if before.endswith(b"\n") else before + b"\n"
        if update is None or not ours.endswith(rest):
            self.differ(f"{update}: what was there is changed")
            return False
        header = ours.split(b"\n", 1)[0].decode()
        # The date of a weekly rebuild does not count against the next version.
        old = re.sub(r"-\d{8}$", "", update["from"])
        is_higher = may_be_lower or any(dpkg_holds(update["to"], it) for it in (update["from"], old))
        is_fine = header.startswith(f"{update['name']} ({update['to']}) ") and is_higher
        if not is_fine:
            self.differ(f"{update}: {header}")
        return is_fine


class Refused(Exception):
    """A program that cannot do its part."""


def dpkg_holds(newer, older):
    command = ["dpkg", "--compare-versions", newer, "gt", older]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


def next_revision(version):
    """`1.2-4` of `1.2-3` and of `1.2-3-20260816`: what people write by hand."""
    plain = re.sub(r"-\d{8}$", "", version)
    number = re.search(r"\d+$", plain)
    return plain[: number.start()] + str(int(number.group()) + 1) if number else plain + "-1"


def dependants(name, children):
    found, left = {name}, [name]
    while left:
        for child in children.get(left.pop(), ()):
            if child not in found:
                found.add(child)
                left.append(child)
    return found


def read(*parts):
    with open(os.path.join(*parts), "rb") as source:
        return source.read()


def write(data, *parts):
    with open(os.path.join(*parts), "wb") as target:
        target.write(data)


def main():
    tree, config, pkg, python = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="compat-") as scratch:
        comparison = Comparison(tree, config, pkg, python, scratch)
        try:
            comparison.compare()
        except Refused as refused:
            program, said = refused.args
            print(f"{program} refuses this tree:", *said, sep="\n  ")
            sys.exit(1)
    if comparison.differences:
        noun = "difference" if comparison.differences == 1 else "differences"
        print(f"{comparison.differences} {noun} in {comparison.compared} comparisons")
        sys.exit(1)
    print(f"no difference in {comparison.compared} comparisons")


main()
