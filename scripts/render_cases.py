"""Writes the expectations of src/render/peer/cases.txt again, with docker-pkg's own engine of templates.

    "$(scripts/peer-venv)" scripts/render_cases.py

A case is a template, and below it the lines that it gives. A new case needs only an empty `=>` line below it.

    {{ "a"|upper }}
    => A            what it gives, a mark on each line
    =!  TypeError   it is refused; the message is only for reading
    =?              it gives something else each time, as `random` does
"""

import copy
import os
import pathlib
import re
import sys
import tempfile

os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="peer-")

from docker_pkg import cli, dockerfile  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "src/render/peer"


def read_cases(text):
    """Gives the templates."""
    template, cases = [], []
    for line in text.split("\n"):
        if not line.startswith(("=>", "=!", "=?")):
            template.append(line)
        elif template:
            cases.append("\n".join(template).strip("\n"))
            template = []
    return cases


def render(environment, settings, template):
    """Gives what a template gives, with the mark of the kind of answer."""
    try:
        texts = [
            environment.from_string(template).render(**copy.deepcopy(settings))
            for _ in range(5)
        ]
    except Exception as error:  # whatever it is, docker-pkg fails
        message = f"{type(error).__name__}: {error}".split("\n")[0]
        message = message.replace(f"{FOLDER}/", "")
        return ["=! " + re.sub(r" at 0x\w+", "", message)[:150]]
    if len(set(texts)) > 1 or " at 0x" in texts[0]:
        return ["=?"]
    return [f"=> {line}" for line in texts[0].split("\n")]


def main():
    """Reads and writes the file."""
    settings = cli.read_config(str(FOLDER / "config.yaml"))
    dockerfile.TemplateEngine.setup(settings, set(settings["base_images"]))
    environment = dockerfile.TemplateEngine(str(FOLDER / "files")).env
    file = FOLDER / "cases.txt"
    parts = []
    for template in read_cases(file.read_text()):
        parts += [template, *render(environment, settings, template), ""]
    file.write_text("\n".join(parts))
    print(len(read_cases(file.read_text())), "cases", file=sys.stderr)


main()
