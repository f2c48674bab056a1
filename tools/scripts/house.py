"""Shows that arrows run down only: between the crates of the house, and between the files of each crate; and that no file of
theirs is too long to be read at once.

A crate may use those of its own floor and below; a function no other function. A file uses another when it names something
of it in a `use`, or by a path from `crate` or `super`. What a module hands on by `pub use` is looked for where it stands, so
a parent that lists its children is in nobody's way. Code of tests beside the code is left out. Files that use each other,
however long the way around, are a circle: none of them can be read, moved or tested without the others.
"""

import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

# Lowest first.
FUNCTIONS = "functions"
FLOORS = [
    ["domain", "environment", "measures"],
    ["dynamodb", "lambda-edge", "messages", "tables"],
    ["event-store"],
    ["event-bus", "payment-gateway", "reference-data", "sent-letters", "timers"],
    ["api", "projector"],
    ["read-models", "relay"],
    ["operations", "views", "local-stack"],
    [FUNCTIONS],
    ["run", "ordermaster"],
    ["bench", "end-to-end"],
]
MAX_LINES = 450  # without the tests at its end
TESTS = re.compile(r"^#\[cfg\(test\)\]\n(#\[.*\]\n)?mod ", re.MULTILINE)
NO_CODE = re.compile(
    r"//[^\n]*|/\*.*?\*/|b?r(#*)\".*?\"\1|b?\"(?:\\.|[^\"\\])*\"|b?'(?:\\[^']+|[^'\\])'", re.DOTALL
)
USE = re.compile(r"\b(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);")


def without_tests(code):
    """The code without what is only compiled for tests."""
    while (start := code.find("#[cfg(test)]")) >= 0:
        end = re.compile(r"[;{]").search(code, start).end()
        depth = int(code[end - 1] == "{")
        while depth:
            depth += {"{": 1, "}": -1}.get(code[end], 0)
            end += 1
        code = code[:start] + code[end:]
    return code


def paths(tree):
    """Every path of a `use` tree, with the name it gets here."""
    head, brace, rest = tree.strip().partition("{")
    if not brace:
        path, _, name = (part.strip() for part in head.partition(" as "))
        parts = path.removesuffix("::self").split("::")
        name = name or parts[-1]
        return [(parts, path if name in ("_", "*") else name)]
    depth, item, items = 0, "", []
    for char in rest[: rest.rindex("}")] + ",":
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and not depth:
            items.append(item)
            item = ""
        else:
            item += char
    return [found for item in items if item.strip() for found in paths(head + item.strip())]


class Crate:
    """The modules under one root file: the files they stand in, what they import, and what they name."""

    def __init__(self, root):
        self.files, self.imports, self.code = {}, defaultdict(dict), {}
        self.read((), root, root.parent)

    def read(self, module, file, folder):
        code = without_tests(NO_CODE.sub('""', file.read_text()))
        self.files[module] = file
        for visibility, tree in USE.findall(code):
            for path, name in paths(tree):
                self.imports[module][name] = (path, bool(visibility))
        for name in re.findall(r"\bmod\s+(\w+)\s*;", code):
            child = next(path for path in (folder / f"{name}.rs", folder / name / "mod.rs") if path.exists())
            self.read((*module, name), child, folder / name)
        self.code[module] = USE.sub("", re.sub(r"\bmod\s+\w+\s*;", "", code))

    def file_of(self, module, path, seen=frozenset()):
        """The file with what `path` names in `module`; `None` when it is of another crate."""
        here, path = module, list(path)
        if path[0] == "crate":
            here, path = (), path[1:]
        elif path[0] in ("self", "super"):
            while path and path[0] in ("self", "super"):
                here = here[:-1] if path.pop(0) == "super" else here
        elif (*here, path[0]) not in self.files and path[0] not in self.imports[here]:
            return None
        while path and (*here, path[0]) in self.files:
            here = (*here, path.pop(0))
        imported = self.imports[here].get(path[0]) if path else None
        if imported and (here, path[0]) not in seen:
            return self.file_of(here, imported[0] + path[1:], seen | {(here, path[0])})
        return self.files[here]

    def arrows(self):
        found = defaultdict(set)
        for module, code in self.code.items():
            named = [path.split("::") for path in re.findall(r"\b(?:crate|super|self)(?:::\w+)+", code)]
            for name, (path, is_public) in self.imports[module].items():
                # What is only handed on is used by those who ask for it.
                if not is_public or re.search(rf"\b{re.escape(name)}\b", code):
                    named.append(path)
            targets = {self.file_of(module, path) for path in named}
            found[self.files[module]] |= targets - {None, self.files[module]}
        return found


def circles(arrows):
    """The groups whose members all reach each other."""

    def reached(start):
        found, todo = set(), [start]
        while todo:
            todo.extend(new := arrows.get(todo.pop(), set()) - found)
            found |= new
        return found

    reach = {node: reached(node) for node in arrows}
    groups = {frozenset(other for other in reach[node] if node in reach.get(other, ())) for node in arrows}
    return sorted(sorted(group) for group in groups if group)


def floor_of(crate, folder):
    name = FUNCTIONS if folder.parent.name == FUNCTIONS else crate
    return next((floor for floor, crates in enumerate(FLOORS) if name in crates), None)


def arrows_up(crate, manifest, folders):
    """What is wrong with the crates that a crate uses."""
    floor = floor_of(crate, folders[crate])
    if floor is None:
        yield f"{crate} is on no floor: add it to FLOORS in tools/scripts/house.py"
        return
    kinds = ("dependencies", "dev-dependencies", "build-dependencies")
    used = {name for kind in kinds for name in manifest.get(kind, {})} & folders.keys()
    for other in sorted(used):
        other_floor = floor_of(other, folders[other])
        if other_floor is not None and (other_floor > floor or FLOORS[floor] == FLOORS[other_floor] == [FUNCTIONS]):
            yield f"{crate} uses {other}, which does not stand below it"


def circles_of(crate, manifest, folder):
    """What is wrong between the files of a crate."""
    targets = [target for kind in ("bin", "test", "example", "bench") for target in manifest.get(kind, [])]
    roots = {folder / target["path"] for target in targets if "path" in target}
    roots |= {root for root in (folder / "src/lib.rs", folder / "src/main.rs") if root.exists()}
    for root in sorted(roots):
        arrows = Crate(root).arrows()
        for circle in circles(arrows):
            yield f"{crate}: {len(circle)} files are a circle"
            for file in circle:
                others = sorted(arrows[file] & set(circle))
                names = ", ".join(str(other.relative_to(root.parent)) for other in others)
                yield f"    {file.relative_to(root.parent)} uses {names}"


def too_long(folder):
    """What is wrong with the length of a crate's files."""
    for file in sorted((folder / "src").rglob("*.rs")):
        lines = TESTS.split(file.read_text())[0].count("\n")
        if lines > MAX_LINES and "tests" not in (file.stem, file.parent.name) and not file.stem.endswith("_tests"):
            yield f"{file} has {lines} lines without its tests; at most {MAX_LINES}"


def main():
    members = tomllib.loads(Path("Cargo.toml").read_text())["workspace"]["members"]
    files = [file for member in members for file in Path().glob(f"{member}/Cargo.toml")]
    manifests = {file.parent: tomllib.loads(file.read_text()) for file in files}
    folders = {manifest["package"]["name"]: folder for folder, manifest in manifests.items()}
    wrong = []
    for crate, folder in sorted(folders.items()):
        wrong += arrows_up(crate, manifests[folder], folders)
        wrong += circles_of(crate, manifests[folder], folder)
        wrong += too_long(folder)
    print("\n".join(wrong) or "arrows run down only")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
