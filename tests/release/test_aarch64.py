"""What was built for aarch64, run in QEMU's user mode with Debian's C library and Python of that
architecture: the C tests, Python's vectors, and logins to a broker that runs here."""

import os
import zipfile

import pytest

from harness import debian
from harness.commands import environment, run, succeed
from harness.compile import WARNINGS
from harness.kafka.cli import client_config
from harness.paths import ROOT

from .conftest import write_token
from .test_program import unpack
from .test_wheel import BY_PLUGIN, NATIVE, SCRIPT, WHEELS

pytestmark = [pytest.mark.release, pytest.mark.timeout(1200)]

C_TESTS = sorted(path.stem for path in (ROOT / "tests" / "c").glob("test_*.c"))
C_LIBRARIES = ["usr/lib/aarch64-linux-gnu", "lib/aarch64-linux-gnu"]


@pytest.fixture(scope="module")
def root():
    """Debian's files for arm64."""
    return debian.foreign("arm64", "python3", "libgcc-s1")


@pytest.fixture(scope="module")
def site(dist, tmp_path_factory):
    """The wheel and confluent-kafka's, as pip lays them out for aarch64."""
    directory = tmp_path_factory.mktemp("site")
    (ours,) = (name for name in WHEELS if "manylinux" in name and "aarch64" in name)
    requirements = (ROOT / "tests" / "requirements.txt").read_text().split()
    (confluent,) = (line for line in requirements if line.startswith("confluent-kafka"))
    pip = [ROOT / "build" / "venv" / "bin" / "pip", "--quiet", "install", "--target", directory]
    pip += ["--platform", "manylinux_2_28_aarch64", "--platform", "manylinux_2_17_aarch64"]
    pip += ["--python-version", "3.11", "--only-binary", ":all:"]
    succeed([*pip, dist / ours, confluent])
    with zipfile.ZipFile(dist / ours) as wheel:
        (directory / "scramtoken.program").write_bytes(wheel.read(SCRIPT))
    (directory / "scramtoken.program").chmod(0o755)
    return directory


@pytest.fixture(scope="module")
def on_aarch64(root):
    """Runs a program of that architecture, by its loader: QEMU's own sysroot would hide files."""
    libraries = ":".join(str(root / directory) for directory in C_LIBRARIES)
    loader = ["qemu-aarch64", root / "lib/ld-linux-aarch64.so.1", "--library-path"]

    def execute(program, *arguments, library=None, **variables):
        path = libraries if library is None else f"{library.parent}:{libraries}"
        unwanted = ("SCRAMTOKEN_LIBRARY", "PYTHONPATH")
        command = [*loader, path, program, *arguments]
        return run(command, env=environment(without=unwanted, **variables))

    return execute


@pytest.fixture(scope="module")
def python(root, site, on_aarch64):
    """Runs Python with the wheel; pytest comes from this machine's, being Python alone."""
    (packages,) = (ROOT / "build" / "venv" / "lib").glob("python3*/site-packages")

    def execute(*arguments, **variables):
        paths = {"PYTHONHOME": str(root / "usr"), "PYTHONPATH": f"{site}:{packages}"}
        done = on_aarch64(root / "usr/bin/python3.11", *arguments, **paths, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return execute


@pytest.mark.parametrize("name", C_TESTS)
def test_c(site, on_aarch64, tmp_path, name):
    library = site / NATIVE
    linked = tmp_path / "libscramtoken.so.0"
    linked.symlink_to(library)
    compiler = ["python", "-m", "ziglang", "cc", "-target", "aarch64-linux-gnu.2.36"]
    compiler[0] = ROOT / "build" / "venv" / "bin" / "python"
    flags = ["-std=c11", *WARNINGS, "-O1", "-I", ROOT / "include"]
    source = ROOT / "tests" / "c" / f"{name}.c"
    libraries = [linked, "-ldl", "-lpthread"]
    succeed([*compiler, *flags, source, "-o", tmp_path / name, *libraries])
    done = on_aarch64(tmp_path / name, library=linked, SCRAMTOKEN_LIBRARY=str(library))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["vectors", "client", "server", "store", "token_manager"])
def test_python(python, tmp_path, name):
    """The package's own tests, but for those that start a Python: this kernel would not run it."""
    options = [
        "--noconftest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "--rootdir",
        tmp_path,
        "-c",
        os.devnull,
    ]
    options += ["-k", "not another_process and not after_a_fork"]
    test = ROOT / "python" / "tests" / f"test_{name}.py"
    assert " passed" in python("-m", "pytest", "-q", *options, test)


def test_the_platform_is_that(python):
    assert python("-c", "import os; print(os.uname().machine)") == "aarch64\n"


def test_a_client_logs_in_by_token(python, broker, token):
    host, port = broker.address("SASL_PLAINTEXT")
    example = ROOT / "examples" / "python" / "login.py"
    options = ["--host", host, "--port", str(port), "--mechanism", "SCRAM-SHA-512"]
    python(example, *options, "--token-id", token.id, SCRAMTOKEN_SECRET=token.hmac)


def test_the_plugin_logs_in_by_token(python, broker, token, tmp_path):
    source = write_token(tmp_path / "token.json", token)
    assert python("-c", BY_PLUGIN, broker.bootstrap(), f"file:{source}") == "1 broker\n"


@pytest.mark.parametrize("libc", ["glibc", "static"])
def test_the_program_logs_in_by_token(dist, site, on_aarch64, broker, token, tmp_path, libc):
    config = client_config(tmp_path / "c", token.id, token.hmac, token=True)
    options = ["--bootstrap-server", broker.bootstrap(), "--command-config", config]
    if libc == "static":
        program = unpack(dist, "arm64", tmp_path) / "scramtoken"
        done = run(["qemu-aarch64", program, "login", *options])
    else:
        done = on_aarch64(site / "scramtoken.program", "login", *options)
    assert done.returncode == 0, done.stderr
    assert "the delegation token" in done.stdout
