"""The binary interface of each release, frozen below abi/, and whether a header still keeps it.

usage: abi.py freeze             writes abi/VERSION anew from include/scramtoken.h (`make abi`)
       abi.py check [HEADER] [--soname SONAME]
                                 compares the header with every frozen version
       abi.py stub LIBRARY       writes a library without code that exports what the header declares
       abi.py symbols PACKAGE    prints the symbols file of a Debian package

The library is Rust, without C's debug information, so libabigail's tools look at a stub in its
place: the header compiled with -g, each function a body that traps. Macros and the names of types,
which they do not see, are compared by themselves.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FROZEN = ROOT / "abi"
HEADER = ROOT / "include" / "scramtoken.h"
ABI = "libscramtoken.abi"  # abidw's XML: symbols, signatures, layouts

# What the library exports without a declaration in its header, for the JVM and for librdkafka.
OTHER_DOORS = ("JNI_OnLoad", "conf_init")
# What each release is free to change.
OWN_VERSION = re.compile(r"SCRAMTOKEN_VERSION_(MAJOR|MINOR|PATCH)")


class Refused(Exception):
    """What is to be done cannot be, and why."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("freeze")
    checked = commands.add_parser("check")
    checked.add_argument("header", type=Path, nargs="?", default=HEADER)
    checked.add_argument("--soname", default=soname())
    commands.add_parser("stub").add_argument("library", type=Path)
    commands.add_parser("symbols").add_argument("package")
    options = parser.parse_args()
    try:
        if options.command == "freeze":
            freeze()
        elif options.command == "stub":
            stub(HEADER, options.library, soname())
        elif options.command == "symbols":
            print(symbols(options.package), end="")
        elif complaints := check(options.header, options.soname):
            print("\n".join(complaints), file=sys.stderr)
            return 1
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    return 0


# ---- what the commands do ----


def freeze():
    """Until a version is tagged its ABI may be written again and again, and never after that."""
    version = current_version()
    tag = f"v{version}"
    git = ["git", "-C", ROOT, "rev-parse", "--quiet", "--verify", f"refs/tags/{tag}"]
    if subprocess.run(git, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0:
        raise Refused(
            f"{tag} is released, and what it froze stays: raise the version in Cargo.toml first."
        )
    directory = FROZEN / version
    directory.mkdir(parents=True, exist_ok=True)
    (directory / HEADER.name).write_bytes(HEADER.read_bytes())
    with tempfile.TemporaryDirectory() as temporary:
        library = Path(temporary) / "libscramtoken.so"
        stub(directory / HEADER.name, library, soname())
        options = ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed"]
        options += ["--type-id-style", "hash"]
        succeed("abidw", *options, "--out-file", directory / ABI, library)


def check(header, name_today):
    """What a header and a SONAME break of the frozen versions."""
    complaints = []
    today = macros(header)
    with tempfile.TemporaryDirectory() as temporary:
        library = Path(temporary) / "libscramtoken.so"
        stub(header, library, name_today)
        for directory in frozen():
            name = directory.name
            then = macros(directory / HEADER.name)
            if then["SCRAMTOKEN_ABI_VERSION"] != today["SCRAMTOKEN_ABI_VERSION"]:
                if search(r"soname='(.*?)'", directory / ABI) == name_today:
                    complaints.append(f"{name} had another ABI version, but is {name_today} too")
                continue
            for macro, value in then.items():
                if OWN_VERSION.fullmatch(macro):
                    continue
                if macro not in today:
                    complaints.append(f"{name} had {macro}, which is gone")
                elif today[macro] != value:
                    complaints.append(f"{macro} was {value} in {name}, and is {today[macro]}")
            for gone in sorted(types(directory / HEADER.name) - types(header)):
                complaints.append(f"{name} had the type {gone}, which is gone")
            # A `const` that has gone is harmless to libabigail, but not to the header's promise. To
            # give reserved words of a struct a meaning is refused as well: libabigail has
            # suppressions for that, but none that would still see the struct grow.
            options = ["--no-added-syms", "--harmless", "--no-architecture", "--no-show-locs"]
            done = run("abidiff", *options, directory / ABI, library)
            if done.returncode != 0:
                complaints.append(f"since {name}:\n{done.stdout}{done.stderr}")
    if complaints:
        complaints.append(
            "The ABI may only grow. If this has to be, raise SCRAMTOKEN_ABI_VERSION and the SONAME"
            " at once (docs/abi.md)."
        )
    return complaints


def stub(header, library, its_soname):
    """Compiles the header into a library of which everything but the code is real."""
    text = f'#include "{header.name}"\n' + "".join(
        f"void {name}(void);\nvoid {name}(void) {{ __builtin_trap(); }}\n" for name in OTHER_DOORS
    )
    for declaration in functions(header):
        text += f"{declaration} {{ __builtin_trap(); }}\n"
    options = [
        "-x",
        "c",
        "-std=c11",
        "-g",
        "-O0",
        "-fPIC",
        "-shared",
        "-w",
        f"-Wl,-soname,{its_soname}",
    ]
    succeed("gcc", *options, "-I", header.parent, "-o", library, "-", input=text)


def symbols(package):
    """Debian's symbols file: each symbol with the first version that has it."""
    since = {name: current_version() for name in exported(HEADER)}
    for directory in reversed(frozen()):
        since.update(
            dict.fromkeys(exported(directory / HEADER.name) & since.keys(), directory.name)
        )
    development = package.rstrip("0123456789") + "-dev"
    lines = [f"{soname()} {package} #MINVER#", f"* Build-Depends-Package: {development}"]
    lines += [f" {name}@Base {since[name].replace('-', '~')}" for name in sorted(since)]
    return "\n".join(lines) + "\n"


# ---- what is read for them ----


def frozen():
    """The directories of all frozen versions, the oldest first."""

    def order(directory):
        release, _, candidate = directory.name.partition("-")
        return [int(part) for part in release.split(".")], candidate == "", candidate

    return sorted(FROZEN.glob("*.*.*"), key=order)


def current_version():
    return search(r'^version = "(.*)"', ROOT / "Cargo.toml")


def soname():
    return search(r"-soname,(libscramtoken\.so\.\d+)", ROOT / "build.rs")


def search(pattern, file):
    return re.search(pattern, file.read_text(), flags=re.MULTILINE).group(1)


def statements(header):
    """The header's declarations, each without its semicolon and what is in braces."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE).replace('extern "C" {', "")
    return [each.strip() for each in re.sub(r"\{[^}]*\}", "", text).split(";")]


def functions(header):
    return [each for each in statements(header) if "(" in each and not each.startswith("typedef")]


def types(header):
    """The names of all types: `typedef struct x x`, or `typedef int (*x)(int)`."""
    text = [each for each in statements(header) if each.startswith("typedef")]
    return {re.search(r"\(\*(\w+)\)|(\w+)$", each).expand(r"\1\2") for each in text}


def exported(header):
    """The names of all symbols of the library that this header came with."""
    names = {re.search(r"\b(scramtoken_\w+)\(", each).group(1) for each in functions(header)}
    return names | set(OTHER_DOORS)


def macros(header):
    """The header's macros with their values, as the compiler has them."""
    text = succeed("gcc", "-x", "c", "-std=c11", "-E", "-dM", header)
    return dict(re.findall(r"^#define (SCRAMTOKEN_\w+) (.+)$", text, flags=re.MULTILINE))


def run(*command, **options):
    try:
        return subprocess.run(command, capture_output=True, text=True, **options)
    except FileNotFoundError:
        raise Refused(f"{command[0]} is missing; Debian has it in gcc or abigail-tools.") from None


def succeed(*command, **options):
    done = run(*command, **options)
    if done.returncode != 0:
        raise Refused(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
