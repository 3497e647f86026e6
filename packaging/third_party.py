"""Writes THIRD-PARTY: whose software is in the library and the program, and under which terms.

What is linked comes from Cargo's metadata, the terms from the crates' own files. Where a crate
offers several licences, MIT is taken. usage: third_party.py >THIRD-PARTY
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FEATURES = "capi,jni,rdkafka,cli"
PLATFORMS = tuple(
    f"{architecture}-unknown-linux-{libc}"
    for architecture in ("x86_64", "aarch64")
    for libc in ("gnu", "musl")
)
# And neither "copyright notice" nor "Copyright [yyyy]".
COPYRIGHT = re.compile(r"^\W*(?i:copyright):?\s+(?:\([cC]\)|©|\d{4}|[A-Z])")
WIDTH = 100

HEAD = """\
The library, the program, the jar and the wheel of scramtoken have software of others in them: LMDB,
whose licence is LICENSE-LMDB, Rust's standard library, and the crates below. Those of a release
also have LLVM's libunwind, Zig's compiler_rt and, where they are linked statically, musl. Each part
begins with what is under its terms. Made by `make third-party`.
"""


def main():
    terms = defaultdict(list)
    for package in shipped():
        for kind, text in texts(package):
            notices, body = apart(text) if kind == "MIT" else ([], text)
            terms[kind, normal(body)].append((package, notices, body))
    print(HEAD, end="")
    for (kind, _), members in sorted(terms.items(), key=lambda item: (item[0][0], -len(item[1]))):
        print(f"\n{'=' * WIDTH}\n{kind}\n{'=' * WIDTH}\n")
        for package, notices, _ in members:
            print(f"{package['name']} {package['version']}".rstrip())
            for notice in notices:
                print(f"    {notice}")
        print("\n" + members[0][2].strip("\n"))


def shipped():
    """The packages whose code is linked, with Rust's own; by name."""
    found = {(package["name"], package["version"]): package for package in NO_CRATES}
    for platform in PLATFORMS:
        cargo = [os.environ.get("CARGO", "cargo"), "metadata", "--locked", "--format-version", "1"]
        cargo += ["--features", FEATURES, "--filter-platform", platform]
        done = subprocess.run(cargo, cwd=ROOT, check=True, stdout=subprocess.PIPE)
        metadata = json.loads(done.stdout)
        packages = {package["id"]: package for package in metadata["packages"]}
        nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
        root = metadata["resolve"]["root"]
        seen, rest = {root}, [root]
        while rest:
            for dependency in nodes[rest.pop()]["deps"]:
                package = packages[dependency["pkg"]]
                # What runs at build time alone is not in what comes out.
                linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
                macros = any("proc-macro" in target["kind"] for target in package["targets"])
                if linked and not macros and package["id"] not in seen:
                    seen.add(package["id"])
                    rest.append(package["id"])
        for identifier in seen - {root}:
            package = packages[identifier]
            package["directory"] = Path(package["manifest_path"]).parent
            found[package["name"], package["version"]] = package
    return [found[key] for key in sorted(found)]


# Terms of parts that a package has from others, in folders of their own.
INSIDE = {"ring": ["third_party/fiat/LICENSE"]}


def no_crate(name, terms, directory=None, authors=()):
    return {
        "name": name,
        "version": "",
        "license": terms,
        "authors": authors,
        "directory": directory and ROOT / "packaging" / "licences" / directory,
    }


# Their texts are those that come with Zig, which links them.
NO_CRATES = [
    no_crate(
        "Rust's standard library",
        "MIT OR Apache-2.0",
        authors=["The Rust Project contributors"],
    ),
    no_crate(
        "addr2line and gimli, of Rust's standard library",
        "MIT OR Apache-2.0",
        authors=["The gimli Developers", "The Rust Project Developers"],
    ),
    no_crate(
        "hashbrown, of Rust's standard library", "MIT OR Apache-2.0", authors=["Amanieu d'Antras"]
    ),
    no_crate(
        "miniz_oxide, of Rust's standard library",
        "MIT OR Zlib OR Apache-2.0",
        authors=["Frommi", "oyvindln"],
    ),
    no_crate(
        "rustc-demangle, of Rust's standard library",
        "MIT OR Apache-2.0",
        authors=["Alex Crichton"],
    ),
    no_crate("libunwind of LLVM", "Apache-2.0 WITH LLVM-exception", "libunwind"),
    no_crate("compiler_rt of Zig", "MIT", "zig"),
    no_crate("musl", "MIT", "musl"),
]


def texts(package):
    """The licences of a package that apply, as (name, text)."""
    alternatives = re.split(r" OR |/", package["license"])
    chosen = "MIT" if "MIT" in alternatives else alternatives[0]
    files = []
    if directory := package["directory"]:
        named = re.compile(r"(?i)(licen[cs]e|copying|notice|copyright)")
        files = sorted(path for path in directory.iterdir() if named.match(path.name))
        files = [path for path in files if path.is_file()]
        files += [directory / path for path in INSIDE.get(package["name"], ())]
    yield from ((chosen, read(path)) for path in files if "notice" in path.name.lower())
    files = [path for path in files if "notice" not in path.name.lower()]
    if len(alternatives) > 1:
        ours = [path for path in files if chosen.lower() in path.name.lower()]
        files = ours or [path for path in files if is_about(chosen, read(path))]
    if files:
        yield from ((chosen, read(path)) for path in files)
    elif chosen == "MIT":
        yield chosen, of_authors((ROOT / "LICENSE-MIT").read_text(), package["authors"])
    elif chosen == "Apache-2.0":
        yield chosen, (ROOT / "LICENSE-APACHE").read_text()
    else:
        sys.exit(f"{package['name']}: its terms ({chosen}) stand in none of its files")


def apart(text):
    """The copyright notices, and the text that packages have in common."""
    lines = text.splitlines()
    notices = [line.strip() for line in lines if COPYRIGHT.match(line)]
    return notices, "\n".join(line for line in lines if not COPYRIGHT.match(line))


def is_about(licence, text):
    return licence != "MIT" or "Permission is hereby granted, free of charge" in text


def of_authors(text, authors):
    """Our own text of a licence, with the package's authors in place of ours."""
    names = ", ".join(re.sub(r"\s*<.*?>", "", author) for author in authors) or "its authors"
    lines = (
        f"Copyright (c) {names}" if COPYRIGHT.match(line) else line for line in text.splitlines()
    )
    return "\n".join(lines)


def read(path):
    text = path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\f", "")
    return "\n".join(line.rstrip() for line in text.splitlines())


def normal(text):
    """What tells texts of a licence apart but for how they are set."""
    return " ".join(re.sub(r"[^a-z0-9]+", " ", text.lower()).split())


if __name__ == "__main__":
    main()
