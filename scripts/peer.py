"""Runs docker-pkg 4.0.4 without a registry, for comparison.

    peer.py render TREE CONFIG [OUT]    scans a tree and renders every image, without an engine as well; with OUT it
                                        writes OUT/<directory of the image>/Dockerfile
    peer.py run ARGUMENT...             docker-pkg's own command line, on the real engine

The registry answers 404 to everything: docker-pkg asks one even where none is set.
"""

import logging
import os
import sys
import tempfile
import types

os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="peer-")

import docker  # noqa: E402
import requests  # noqa: E402
from docker_pkg import builder, cli, dockerfile  # noqa: E402


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


def render(tree, config_path, *out):
    """Scans and renders."""
    logging.getLogger().setLevel(logging.ERROR)
    docker.from_env = builder.docker.from_env = lambda *_, **__: NoEngine()
    tree = os.path.abspath(tree)
    application = builder.DockerBuilder(tree, cli.read_config(config_path), None, True, True)
    dockerfile.TemplateEngine.setup(application.config, application.known_images)
    application.scan(max_workers=1)
    rendered = 0
    for state in application.all_images:
        with state.image.build_environment() as context:
            path = state.image.write_dockerfile(context)
            if out:
                directory = os.path.join(out[0], os.path.relpath(state.image.path, tree))
                os.makedirs(directory, exist_ok=True)
                with open(path, "rb") as source, open(os.path.join(directory, "Dockerfile"), "wb") as target:
                    target.write(source.read())
            rendered += 1
    print(rendered, "images rendered", file=sys.stderr)


def main():
    requests.get = builder.requests.get = not_found
    verb, *arguments = sys.argv[1:]
    if verb == "render":
        render(*arguments)
    else:
        sys.argv = ["docker-pkg", *arguments]
        cli.main()


main()
