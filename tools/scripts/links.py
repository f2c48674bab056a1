"""Holds the documents against the project: what they link to and name exists, and each command says whether CI runs it.

- A relative link leads to a file, and its anchor to a heading there. Nothing in docs/ is left out of docs/SUMMARY.md.
- What stands in backticks and looks like a file of the project is one, what looks like a test's or metric's name is one, and a
  `make` target is one of the Makefile.
- A page that code, scripts or the template name exists.
- A fence has a language. A command in a ```sh fence is in .ci/, unless the fence begins with a comment `# CI does not run …`.
  Those in ```console fences are run by tools/scripts/readme.py.
"""

import re
import subprocess
import sys
from pathlib import Path

PAGES = [Path("README.md"), Path("CHANGELOG.md"), *sorted(Path("docs").glob("*.md"))]
FENCE = re.compile(r"^[ ]*```(.*?)\n(.*?)^[ ]*```[ ]*$", re.DOTALL | re.MULTILINE)
LANGUAGES = {"console", "json", "mermaid", "rust", "sh", "text", "yaml"}
NOT_RUN = "# CI does not run"
FILE = re.compile(r"[\w.-]+(?:/[\w.<>*-]+)+/?|[\w-]+\.(?:rs|py|sh|md|toml|yaml|yml|json)")
TESTS = ("tests", "shared", "tools", "functions")


def files():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True)
    return [Path(line) for line in listed.stdout.splitlines() if Path(line).exists()]


# What lies about besides, such as builds, is nobody's to name.
TOP = {file.parts[0] for file in files()}


def anchor(heading):
    """As GitHub makes it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(text):
    """Of each heading; one that comes again gets a number."""
    found = {}
    for heading in re.findall(r"^#{1,6} (.*)$", FENCE.sub("", text), re.MULTILINE):
        name = anchor(heading)
        found[name] = found.get(name, -1) + 1
        yield name if not found[name] else f"{name}-{found[name]}"


class Project:
    def __init__(self):
        self.files = files()
        self.names = {str(file) for file in self.files}
        self.folders = {str(parent) for file in self.files for parent in file.parents}
        self.functions = set()
        for file in self.files:
            if file.suffix == ".rs" and file.parts[0] in TESTS:
                text = file.read_text(encoding="utf-8")
                self.functions |= set(re.findall(r"\bfn (\w+)", text)) | set(re.findall(r'"(\w+_total)"', text))
        self.targets = set(re.findall(r"^([a-z-]+):", Path("Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        ci = [file.read_text(encoding="utf-8") for file in self.files if file.parts[0] == ".ci"]
        ci.append(Path("tools/scripts/readme.py").read_text(encoding="utf-8").replace('"make", "run"', "make run"))
        self.ci = "\n".join(ci).split("\n")
        self.pages = {page: page.read_text(encoding="utf-8") for page in PAGES}
        self.anchors = {page: set(anchors(text)) for page, text in self.pages.items()}

    def is_file(self, name):
        """A path from the root, or the end of one: a table may name a folder in its head."""
        name = name.rstrip("/")
        if name in self.names or name in self.folders:
            return True
        return any(file.endswith(f"/{name}") for file in self.names | self.folders)

    def is_run(self, command):
        """Whether a line of .ci/ has the target, and every variable, of a command."""
        words = command.split()
        if words[0] != "make":
            return any(command in line for line in self.ci)
        target = next(word for word in words[1:] if "=" not in word)
        variables = re.findall(r"\b([A-Z][A-Z_]*)=", re.sub(r'"[^"]*"', "", command))
        for line in self.ci:
            makes = re.search(rf"\bmake (?:--silent )?{re.escape(target)}\b(?!-)", line)
            if makes and all(f"{variable}=" in line for variable in variables):
                return True
        return False


def links(project, page, text):
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, part = target.partition("#")
        file = (page.parent / path).resolve().relative_to(Path.cwd()) if path else page
        if not file.exists():
            yield f"the link {target} leads nowhere"
        elif part and part not in project.anchors.get(file, set()):
            yield f"the link {target} leads to no heading of {file}"


def names(project, text):
    for code in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text):
        if match := re.fullmatch(r"make ([a-z-]+)\b.*", code):
            if match[1] not in project.targets:
                yield f"`{code}`: the Makefile has no such target"
        elif re.fullmatch(r"[a-z0-9]+(?:_[a-z0-9]+){4,}", code):
            if code not in project.functions:
                yield f"`{code}` is neither a test nor a metric"
        elif FILE.fullmatch(code) and "<" not in code and "*" not in code:
            first = code.split("/")[0]
            if (first in TOP or code.endswith((".rs", ".py"))) and not project.is_file(code):
                yield f"`{code}` is no file"


def commands(block):
    """The lines of a fence, with those that go on joined."""
    lines = re.sub(r"\\\n\s*", "", block).split("\n")
    return [line.split(" #")[0].strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def fences(project, text):
    for language, block in FENCE.findall(text):
        if language not in LANGUAGES:
            yield f"a fence of the language {language!r} (known: {', '.join(sorted(LANGUAGES))}): {block.splitlines()[0]}"
        if language != "sh":
            continue
        for command in commands(block):
            target = re.match(r"make (?:--silent )?([a-z-]+)", command)
            if target and target[1] not in project.targets:
                yield f"{command}: the Makefile has no such target"
            elif not block.startswith(NOT_RUN) and not project.is_run(command):
                yield f"CI does not run `{command}`, and the fence does not begin with `{NOT_RUN} …`"


def main():
    project, wrong = Project(), []
    for page, text in project.pages.items():
        prose = FENCE.sub("", text)
        for found in (links(project, page, prose), names(project, prose), fences(project, text)):
            wrong += [f"{page}: {sentence}" for sentence in found]
    for file in project.files:
        if file.suffix in (".rs", ".py", ".sh", ".yaml", ".toml", "") and file not in project.pages:
            for name in re.findall(r"\bdocs/[\w-]+\.md\b", file.read_text(encoding="utf-8", errors="replace")):
                if name not in project.names:
                    wrong.append(f"{file}: {name} is no page")
    summary = project.pages[Path("docs/SUMMARY.md")]
    for page in sorted(Path("docs").glob("*.md")):
        if page.name != "SUMMARY.md" and f"({page.name})" not in summary:
            wrong.append(f"{page} is not in docs/SUMMARY.md")
        if page.name != "SUMMARY.md" and f"(docs/{page.name})" not in project.pages[Path("README.md")]:
            wrong.append(f"{page} is not in README.md")
    print("\n".join(wrong) or "the documents link to, name and run what there is")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
