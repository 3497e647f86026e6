"""Doors depend on rooms and never on each other; rooms never depend on doors. A door is a way in:
for C, the JVM, librdkafka, the shell, or a sidecar that stays. Tests, demo and benchmarks depend on
the harness and never on each other."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
DOORS = {"agent", "cli", "ffi", "jni", "rdkafka"}
ROOMS = {path.stem for path in SRC.iterdir()} - {"lib", "main"} - DOORS
# What the rooms that take time, random numbers, files and sockets as arguments may not name.
IMPURE_CRATES = {"getrandom", "heed", "libc", "rustix", "rustls"}
IMPURE_MODULES = {"clock", "files", "kafka", "random", "source", "tls"}
IMPURE_STD = {"env", "fs", "net", "os", "process", "thread"}
IMPURE = {
    *IMPURE_CRATES,
    *{f"crate::{name}" for name in IMPURE_MODULES},
    *{f"std::{name}" for name in IMPURE_STD},
    *{"Instant", "SystemTime"},
}


def code(module):
    """Each file of a module, without comments."""
    files = [*(SRC / module).rglob("*.rs"), *SRC.glob(f"{module}.rs")]
    return {path: re.sub(r"//.*", "", path.read_text()) for path in files}


def built(file, text):
    """What of a file's code is not for tests alone."""
    return "" if file.stem == "tests" else text.split("#[cfg(test)]\nmod tests {")[0]


def paths(file, text):
    """Two names of each path in the code, as `crate::store` for `crate::store::keys`."""
    depth = len(file.relative_to(SRC).with_suffix("").parts) - (file.stem == "mod")
    text = re.sub(rf"\b(super::){{{depth}}}", "crate::", text)
    found = set(re.findall(r"\b\w+::\w+", text))
    for root, names in re.findall(r"\b(\w+)::\{(.*?)\};", text, flags=re.DOTALL):
        while "{" in names:
            names = re.sub(r"\{[^{}]*\}", "", names)
        found |= {f"{root}::{name}" for name in re.findall(r"(?:^|,)\s*(\w+)", names)}
    return found


@pytest.mark.parametrize("module", sorted(ROOMS | DOORS))
def test_nobody_depends_on_another_door(module):
    doors = {f"crate::{door}" for door in DOORS - {module}}
    named = {str(file): paths(file, text) & doors for file, text in code(module).items()}
    assert not any(named.values()), named


@pytest.mark.parametrize("room", ["authority", "scram", "token"])
def test_a_pure_room_reads_no_file_socket_clock_or_random_number(room):
    for file, text in code(room).items():
        text = built(file, text)
        named = paths(file, text) | set(re.findall(r"\w+", text))
        assert not named & IMPURE, file


def test_no_room_depends_on_itself_through_others():
    needs = {}
    for room in ROOMS:
        named = {
            name for file, text in code(room).items() for name in paths(file, built(file, text))
        }
        needs[room] = {other for other in ROOMS - {room} if f"crate::{other}" in named}
    assert needs["authority"] >= {"store", "token"}
    assert not circle(needs)


def circle(needs):
    """What is left when all that needs nothing of the rest is taken away, again and again."""
    rest = dict(needs)
    while free := {room for room, others in rest.items() if not others & rest.keys()}:
        rest = {room: others for room, others in rest.items() if room not in free}
    return rest


def test_a_circle_is_seen_and_a_chain_is_none():
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"b"}})) == {"a", "b", "c"}


def test_unsafe_code_is_in_doors_and_in_three_files_of_rooms():
    files = (file for room in ROOMS for file, text in code(room).items() if "unsafe_code" in text)
    assert {str(file.relative_to(SRC)) for file in files} == {
        "fork.rs",
        "kafka/login/gssapi/library.rs",
        "store/lmdb/system.rs",
    }


@pytest.mark.parametrize("folder", ["harness", "tests", "demo", "benches", "matrix", "fuzz"])
def test_nobody_imports_from_tests_demo_or_benches(folder):
    """What they share is in harness/."""
    others = "|".join({"tests", "demo", "benches", "matrix"} - {folder})
    python = rf"""^\s*["']?(?:from|import) +(?:{others})\b"""
    rust = rf"""\.\./(?:{others})/"""
    files = [*ROOT.glob(f"{folder}/**/*.py"), *ROOT.glob(f"{folder}/**/*.rs")]
    assert [file for file in files if re.search(f"{python}|{rust}", file.read_text(), re.M)] == []


def test_test_folders_share_only_the_harness():
    tests = ROOT / "tests"
    folders = {path.name for path in tests.iterdir() if path.is_dir()}
    for folder in folders:
        others = "|".join(folders - {folder})
        imported = rf"^\s*(?:from|import) +(?:tests\.|\.\.)(?:{others})\b"
        for file in (tests / folder).rglob("*.py"):
            assert not re.search(imported, file.read_text(), re.M), file


def test_the_rules_see_every_way_to_name_a_module():
    text = "use crate::{error::Error, a::{x, y::{z}}, ffi as c};\nuse super::super::jni::Server;"
    text += "fn f() { crate::cli::run() }"
    found = paths(SRC / "kafka" / "tls" / "mod.rs", text)
    assert found >= {"crate::error", "crate::a", "crate::ffi", "crate::jni", "crate::cli"}
    assert not {"crate::x", "crate::y", "crate::z"} & found
