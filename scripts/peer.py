"""Runs docker-pkg 4.0.4 without a registry, for comparison.

    peer.py render TREE CONFIG [OUT]    scans a tree and renders every image, without an engine as well; with OUT it
                                        writes OUT/<directory of the image>/Dockerfile
    peer.py describe TREE CONFIG OUT [NIGHTLY]
                                        renders into OUT as above, versions with the suffix NIGHTLY, and writes
                                        OUT/images.json: label, name, tag, dependencies and uses of each image
    peer.py update TREE CONFIG VERSIONS OUT
                                        updates each image of the tree in turn, in a copy that begins anew each time, to
                                        its version in the JSON file VERSIONS (or its next rebuild, where it has none
                                        there), and writes what changed to OUT/NAME/<directory>/changelog, or what it
                                        failed with to OUT/NAME/error
    peer.py run ARGUMENT...             docker-pkg's own command line, on the real engine

The registry answers 404 to everything: docker-pkg asks one even where none is set. Where the clock shows in the result,
it is that of SOURCE_DATE_EPOCH.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
import time
import types

os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="peer-")

import docker  # noqa: E402
import requests  # noqa: E402
from docker_pkg import builder, cli, dockerfile, image  # noqa: E402

REASON = "Compared with another program\n  and, in a second line, found to be équal"


class NoImages:
    """An engine without images."""

    def get(self, name):
        raise docker.errors.ImageNotFound(name)

    def list(self, name):
        return []


class NoEngine:
    """As much of an engine as a scan asks for."""

    images = NoImages()

    def login(self, **_):
        pass


def not_found(*_, **__):
    """Answers for the registry."""
    return types.SimpleNamespace(status_code=404)


def cut_off():
    """Takes the engine away."""
    logging.getLogger().setLevel(logging.CRITICAL)
    docker.from_env = builder.docker.from_env = lambda *_, **__: NoEngine()


def stop_the_clock():
    """Makes every date of a text that of SOURCE_DATE_EPOCH."""
    moment = time.localtime(int(os.environ["SOURCE_DATE_EPOCH"]))
    strftime = time.strftime
    time.strftime = lambda form, when=None: strftime(form, moment if when is None else when)


def scan(tree, config_path, pattern=None):
    """Gives the application after its scan."""
    builder.ImageFSM._instances.clear()
    application = builder.DockerBuilder(tree, cli.read_config(config_path), pattern, True, True)
    dockerfile.TemplateEngine.setup(application.config, application.known_images)
    application.scan(max_workers=1)
    return application


def write(text, *parts):
    """Writes bytes to a file in directories that may not be there."""
    path = os.path.join(*parts)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as target:
        target.write(text)


def read(*parts):
    with open(os.path.join(*parts), "rb") as source:
        return source.read()


def render(tree, config_path, *out):
    """Scans and renders; gives the application."""
    tree = os.path.abspath(tree)
    application = scan(tree, config_path)
    rendered = 0
    for state in application.all_images:
        directory = os.path.relpath(state.image.path, tree)
        try:
            with state.image.build_environment() as context:
                dockerfile_path = state.image.write_dockerfile(context)
                if out:
                    write(read(dockerfile_path), out[0], directory, "Dockerfile")
                rendered += 1
        except Exception as error:  # whatever it is, it is the result
            if not out:
                raise
            write(f"{type(error).__name__}: {error}\n".encode(), out[0], directory, "error")
    print(rendered, "images rendered", file=sys.stderr)
    return application


def describe(tree, config_path, out, nightly=""):
    """Renders, and writes down what is known of each image."""
    tree = os.path.abspath(tree)
    if nightly:
        image.DockerImage.is_nightly = True
        image.DockerImage.NIGHTLY_BUILD_FORMAT = nightly
    images = {}
    for state in render(tree, config_path, out).all_images:
        images[os.path.relpath(state.image.path, tree)] = {
            "label": state.label,
            "name": state.image.short_name,
            "tag": state.image.tag,
            "depends": state.image.depends,
        }
    write(json.dumps(images).encode(), out, "images.json")


def update(tree, config_path, versions, out):
    """Updates each image of the tree in turn."""
    stop_the_clock()
    versions = json.loads(read(versions))
    tree = os.path.abspath(tree)
    copy = os.path.join(tempfile.mkdtemp(prefix="peer-"), "tree")
    try:
        shutil.copytree(tree, copy, symlinks=True)
        # docker-pkg takes a pattern and puts stars around the name; with the whole name it means this image alone.
        names = {state.image.short_name: state.name for state in scan(copy, config_path).all_images}
        for short_name, name in sorted(names.items()):
            application = scan(copy, config_path, name + ":*")
            touched = []
            try:
                touched = sorted(application.images_to_update(), key=lambda state: state.label)
                application.update_images(touched, REASON, short_name, version=versions.get(short_name))
            except Exception as error:  # whatever it is, it is the result
                write(f"{type(error).__name__}: {error}\n".encode(), out, short_name, "error")
            for state in touched:
                directory = os.path.relpath(state.image.path, copy)
                changed = read(copy, directory, "changelog")
                original = read(tree, directory, "changelog")
                if changed != original:
                    write(changed, out, short_name, directory, "changelog")
                    with open(os.path.join(copy, directory, "changelog"), "wb") as target:
                        target.write(original)
    finally:
        shutil.rmtree(os.path.dirname(copy))
    print(len(names), "images updated in turn", file=sys.stderr)


def main():
    requests.get = builder.requests.get = not_found
    verb, *arguments = sys.argv[1:]
    if verb == "run":
        sys.argv = ["docker-pkg", *arguments]
        cli.main()
        return
    cut_off()
    {"render": render, "describe": describe, "update": update}[verb](*arguments)


main()
