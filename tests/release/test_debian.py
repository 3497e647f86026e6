"""The Debian packages: what is in them, and a Debian system that they are installed on and removed
from again."""

import os
import re
import shutil
import subprocess

import pytest

from harness import elf
from harness.commands import succeed
from harness.debian import unpacked
from harness.jvm.jar import VERSION
from harness.kafka.cli import client_config
from harness.paths import ROOT

from .conftest import write_token
from .debian_root import DebianRoot

# The Debian root takes a minute, and many more on a busy machine.
pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]

PACKAGES = ("libscramtoken0", "libscramtoken-dev", "scramtoken")
# The machine of each architecture of Debian's, after which the directory of libraries is called.
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
CONSUMER = ROOT / "tests" / "packaging" / "consumer.c"
TOOLS = ("bash-completion", "cmake", "gcc", "kcat", "libc6-dev", "make", "man-db", "pkg-config")

DOCUMENTS = {"changelog.Debian.gz", "changelog.gz", "copyright"}
LICENCES = {"LICENSE-LMDB", "THIRD-PARTY"}  # where code is linked in
MAN_PAGE = re.compile(r"usr/share/man/man1/scramtoken(-[a-z-]+)?\.1\.gz")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request):
    return request.param


@pytest.fixture(scope="module")
def triplet(architecture):
    return f"{ARCHITECTURES[architecture]}-linux-gnu"


@pytest.fixture(scope="module")
def packages(dist, architecture):
    """The packages of one architecture, by name."""
    found = {path.name.partition("_")[0]: path for path in dist.glob(f"*_{architecture}.deb")}
    assert sorted(found) == sorted(PACKAGES)
    return found


@pytest.fixture(scope="module")
def contents(packages, tmp_path_factory):
    """The directory that each package is extracted into, by name."""
    directories = {name: tmp_path_factory.mktemp(name) for name in packages}
    for name, path in packages.items():
        succeed(["dpkg-deb", "--extract", path, directories[name]])
    return directories


@pytest.fixture(scope="module")
def documented(dist, tmp_path_factory):
    """The program that runs on this machine."""
    directory = tmp_path_factory.mktemp("documented")
    architecture = succeed(["dpkg", "--print-architecture"]).strip()
    (package,) = dist.glob(f"scramtoken_*_{architecture}.deb")
    succeed(["dpkg-deb", "--extract", package, directory])
    return directory / "usr" / "bin" / "scramtoken"


def files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir()}


# ---- what is in them ----


def test_lintian(packages):
    lintian = ["lintian", "--fail-on", "error,warning", "--allow-root", *packages.values()]
    done = subprocess.run(lintian, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout


def test_names_and_versions(packages, architecture):
    for name, path in packages.items():
        assert path.name == f"{name}_{VERSION.replace('-', '~')}-1_{architecture}.deb"
        shown = succeed(["dpkg-deb", "--show", "--showformat=${Version} ${Architecture}", path])
        assert shown == f"{VERSION.replace('-', '~')}-1 {architecture}"


def test_dependencies(packages, contents, triplet):
    """libc6 by the symbols that are asked for, and nothing that is not."""
    binaries = {
        "libscramtoken0": f"usr/lib/{triplet}/libscramtoken.so.0",
        "scramtoken": "usr/bin/scramtoken",
    }
    for name, path in binaries.items():
        binary = contents[name] / path
        major, minor = elf.glibc(binary)
        expected = [f"libc6 (>= {major}.{minor})"]
        expected += ["libgcc-s1"] if "libgcc_s.so.1" in elf.needed(binary) else []
        assert (
            succeed(["dpkg-deb", "--field", packages[name], "Depends"]).strip().split(", ")
            == expected
        )
        libraries = {re.sub(r"\.so.*", "", library) for library in elf.needed(binary)}
        loader = {"ld-linux-x86-64", "ld-linux-aarch64"}
        glibc = {"libc", "libm", "libdl", "libpthread", "librt", "libutil"} | loader
        assert libraries - glibc <= {"libgcc_s"}
    depends = succeed(["dpkg-deb", "--field", packages["libscramtoken-dev"], "Depends"])
    version = succeed(["dpkg-deb", "--field", packages["libscramtoken0"], "Version"])
    assert depends.strip() == f"libscramtoken0 (= {version.strip()})"


def test_the_library(contents, architecture, triplet):
    lib = contents["libscramtoken0"] / "usr" / "lib" / triplet
    doc = "usr/share/doc/libscramtoken0"
    examples = {"examples/consume.c", "examples/produce.cpp"}
    manuals = {"librdkafka.md", "sources.md", "troubleshooting.md"}
    manuals |= {f"scramtoken-{VERSION}-library.cdx.json"}
    assert files(contents["libscramtoken0"]) == {
        f"usr/lib/{triplet}/libscramtoken.so.0",
        f"usr/lib/{triplet}/libscramtoken.so.{VERSION}",
        "usr/share/lintian/overrides/libscramtoken0",
    } | {f"{doc}/{name}" for name in DOCUMENTS | LICENCES | manuals | examples}
    assert os.readlink(lib / "libscramtoken.so.0") == f"libscramtoken.so.{VERSION}"
    assert elf.machine(lib / "libscramtoken.so.0") == ARCHITECTURES[architecture]
    header = (ROOT / "include" / "scramtoken.h").read_text()
    declared = set(
        re.findall(r"\b(scramtoken_\w+)\(\w", re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL))
    )
    assert declared < elf.exports(lib / "libscramtoken.so.0")


def test_symbols_and_trigger(packages, contents, triplet, tmp_path):
    """Debian's tools know since when each function is there, and the loader's cache follows."""
    succeed(["dpkg-deb", "--control", packages["libscramtoken0"], tmp_path / "control"])
    assert "activate-noawait ldconfig\n" in (tmp_path / "control" / "triggers").read_text()
    head, field, *lines = (tmp_path / "control" / "symbols").read_text().splitlines()
    assert head == "libscramtoken.so.0 libscramtoken0 #MINVER#"
    assert field == "* Build-Depends-Package: libscramtoken-dev"
    library = contents["libscramtoken0"] / "usr" / "lib" / triplet / "libscramtoken.so.0"
    assert {line.split("@")[0].strip() for line in lines} == elf.exports(library)
    assert " scramtoken_client_new@Base 0.1.0" in lines


def test_the_development_files(contents, triplet):
    directory = contents["libscramtoken-dev"]
    doc = "usr/share/doc/libscramtoken-dev"
    examples = {f"examples/{name}" for name in ("kafka_frames.h", "login.c", "server.c")}
    manuals = {"abi.md", "c-api.md", "sources.md", "token-authority.md"}
    assert files(directory) == {
        "usr/include/scramtoken.h",
        f"usr/lib/{triplet}/cmake/scramtoken/scramtokenConfig.cmake",
        f"usr/lib/{triplet}/cmake/scramtoken/scramtokenConfigVersion.cmake",
        f"usr/lib/{triplet}/libscramtoken.so",
        f"usr/lib/{triplet}/pkgconfig/scramtoken.pc",
        "usr/share/lintian/overrides/libscramtoken-dev",
    } | {f"{doc}/{name}" for name in DOCUMENTS | manuals | examples}
    assert os.readlink(directory / "usr/lib" / triplet / "libscramtoken.so") == "libscramtoken.so.0"


def test_the_program(contents, architecture):
    directory = contents["scramtoken"]
    found = files(directory)
    man_pages = {name for name in found if MAN_PAGE.fullmatch(name)}
    assert {
        f"usr/share/man/man1/{page}.1.gz" for page in ("scramtoken", "scramtoken-agent")
    } <= man_pages
    others = {name for name in found - man_pages if not name.startswith("usr/share/doc/")}
    (unit,) = [name for name in others if name.endswith("/scramtoken-agent.service")]
    assert others == {
        "usr/bin/scramtoken",
        "usr/lib/sysusers.d/scramtoken.conf",
        "usr/share/bash-completion/completions/scramtoken",
        "usr/share/fish/vendor_completions.d/scramtoken.fish",
        "usr/share/lintian/overrides/scramtoken",
        "usr/share/zsh/vendor-completions/_scramtoken",
        unit,
    }
    doc = directory / "usr" / "share" / "doc" / "scramtoken"
    manuals = {"README.Debian", "README.md", "agent.md", "examples/kubernetes/agent.yaml"}
    manuals |= {f"scramtoken-{VERSION}-program.cdx.json"}
    assert {f"usr/share/doc/scramtoken/{name}" for name in DOCUMENTS | LICENCES | manuals} <= found
    assert "ExecStart=/usr/bin/scramtoken agent" in (directory / unit).read_text()
    assert elf.machine(directory / "usr/bin/scramtoken") == ARCHITECTURES[architecture]
    licence = (doc / "copyright").read_text()
    assert "Howard Chu, Symas Corp." in licence and "The OpenLDAP Public License" in licence
    assert "Permission is hereby granted, free of charge" in licence


def test_who_the_agent_runs_as(contents, tmp_path):
    directory = contents["scramtoken"]
    (unit,) = directory.rglob("scramtoken-agent.service")
    assert "\nUser=scramtoken\n" in unit.read_text()
    (tmp_path / "etc").mkdir()
    sysusers = unpacked("systemd-standalone-sysusers") / "bin" / "systemd-sysusers"
    succeed([sysusers, f"--root={tmp_path}", directory / "usr/lib/sysusers.d/scramtoken.conf"])
    name, _, uid, _, _, home, shell = (tmp_path / "etc/passwd").read_text().strip().split(":")
    assert (name, home) == ("scramtoken", "/var/lib/scramtoken")
    assert int(uid) < 1000 and shell.endswith("/nologin")


def test_the_same_bytes_again(contents, architecture, triplet, documented, tmp_path):
    """From another directory, with another umask, in another time zone and a later hour."""
    library = contents["libscramtoken0"] / "usr" / "lib" / triplet / "libscramtoken.so.0"
    program = contents["scramtoken"] / "usr" / "bin" / "scramtoken"
    ignored = shutil.ignore_patterns("target", "build", "dist", ".git", "__pycache__")
    copy = shutil.copytree(ROOT, tmp_path / "elsewhere" / "copy", ignore=ignored, symlinks=True)
    made = []
    for tree, umask, zone in ((ROOT, "022", "UTC"), (copy, "077", "Asia/Tokyo")):
        out = tmp_path / f"out-{umask}"
        build = ["packaging/debian/build.sh", architecture, library, program, out]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1796000000", "TZ": zone}
        environment["DOCUMENTED"] = str(documented)
        shell = ["bash", "-c", f'umask {umask}; exec "$@"', "bash"]
        subprocess.run([*shell, *build], check=True, cwd=tree, env=environment)
        made.append({path.name: path.read_bytes() for path in out.glob("*.deb")})
    assert len(made[0]) == len(PACKAGES)
    assert made[0].keys() == made[1].keys()
    for name in made[0]:
        assert made[0][name] == made[1][name], name


# ---- on a Debian system ----


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return DebianRoot(tmp_path_factory.mktemp("root"), TOOLS)


@pytest.fixture(scope="module")
def before(root):
    """What is there before anything is installed."""
    return root.files()


@pytest.fixture(scope="module")
def installed(root, before, dist):
    """The root with the packages of its architecture installed, as by their user."""
    architecture = root.succeed("dpkg", "--print-architecture").strip()
    names = [path.name for path in dist.glob(f"*_{architecture}.deb")]
    for name in names:
        shutil.copy(dist / name, root.directory / "tmp")
    packages = [f"/tmp/{name}" for name in names]
    root.succeed("apt-get", "install", "--yes", "--no-install-recommends", *packages)
    return root


@pytest.fixture
def source(installed):
    shutil.copy(CONSUMER, installed.directory / "tmp")
    yield "/tmp/consumer.c"
    (installed.directory / "tmp/consumer").unlink()


def test_a_program_by_pkg_config(installed, source):
    flags = installed.succeed("pkg-config", "--cflags", "--libs", "scramtoken").split()
    installed.succeed("gcc", "-o", "/tmp/consumer", source, *flags)
    assert installed.succeed("/tmp/consumer") == f"{VERSION} alice\n"


@pytest.mark.parametrize("prefix", ["", "-DCMAKE_PREFIX_PATH=/"])
def test_a_program_by_cmake(installed, source, prefix):
    """Also where CMake looks below / first, and finds /lib, which is a link."""
    (installed.directory / "tmp/CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.13)\n"
        "project(consumer LANGUAGES C)\n"
        "find_package(scramtoken REQUIRED)\n"
        "add_executable(consumer consumer.c)\n"
        "target_link_libraries(consumer PRIVATE scramtoken::scramtoken)\n"
        "set_target_properties(consumer PROPERTIES RUNTIME_OUTPUT_DIRECTORY /tmp)\n"
    )
    options = [prefix] if prefix else []
    installed.succeed("cmake", "-S", "/tmp", "-B", "/tmp/build", *options)
    installed.succeed("cmake", "--build", "/tmp/build")
    assert installed.succeed("/tmp/consumer") == f"{VERSION} alice\n"
    shutil.rmtree(installed.directory / "tmp/build")


def test_the_program_and_its_manual(installed):
    assert installed.succeed("scramtoken", "--version") == f"scramtoken {VERSION}\n"
    page = installed.succeed("man", "scramtoken-login")
    assert "--bootstrap-server" in page


def test_bash_completes(installed):
    complete = (
        "source /usr/share/bash-completion/bash_completion; _completion_loader scramtoken; "
        "COMP_WORDS=(scramtoken lo); COMP_CWORD=1; _scramtoken scramtoken lo scramtoken; "
        'echo "${COMPREPLY[@]}"'
    )
    assert installed.succeed("bash", "-c", complete) == "login\n"


def test_the_service_is_not_enabled(installed):
    assert not list((installed.directory / "etc/systemd").rglob("*scramtoken*"))
    passwd = (installed.directory / "etc/passwd").read_text()
    assert "scramtoken" not in passwd  # no systemd, no agent, no user


def test_a_login_to_a_broker(installed, broker, token):
    config = client_config(
        installed.directory / "root/client.properties", token.id, token.hmac, token=True
    )
    where = ["--bootstrap-server", broker.bootstrap(), "--command-config", f"/root/{config.name}"]
    said = installed.succeed("scramtoken", "login", *where)
    config.unlink()
    assert said.startswith(f"{broker.bootstrap()}: logged in"), said


def test_the_plugin_of_librdkafka(installed, broker, token):
    """Debian's kcat, by the SONAME: libscramtoken.so is in the package for developers."""
    file = write_token(installed.directory / "root/token.json", token)
    settings = {
        "plugin.library.paths": "libscramtoken.so.0",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "scramtoken.source": "file:/root/token.json",
    }
    options = [word for name, value in settings.items() for word in ("-X", f"{name}={value}")]
    listed = installed.succeed("kcat", "-L", "-b", broker.bootstrap(), *options)
    file.unlink()
    assert "1 brokers:" in listed


def test_purged_it_leaves_nothing(installed, before):
    """But for the user that the agent needs, where systemd makes it: see the postrm."""
    (installed.directory / "var/lib/scramtoken").mkdir()
    (installed.directory / "var/lib/scramtoken/agent.json").write_text("{}")
    installed.succeed("apt-get", "purge", "--yes", *PACKAGES)
    after = installed.files()
    different = {
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    }
    assert different <= {"etc/ld.so.cache"}
