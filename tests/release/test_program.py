"""The static program in an empty root, by a user without rights, and the image made of it."""

import json
import os
import shutil
import subprocess
import tarfile
import time

import pytest

from harness import elf
from harness.commands import run, succeed
from harness.kafka.cli import client_config
from harness.kafka.properties import USERS
from harness.paths import ROOT

from .test_dist import NAME

pytestmark = pytest.mark.release

NOBODY = 65534
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # as Docker and Debian have them
HERE = ARCHITECTURES[os.uname().machine]
MEGABYTE = 1 << 20


def unpack(dist, architecture, directory):
    name = f"{NAME}-linux-{architecture}"
    with tarfile.open(dist / f"{name}.tar.gz") as archive:
        archive.extractall(directory)
    return directory / name


@pytest.mark.parametrize(("machine", "architecture"), ARCHITECTURES.items())
def test_what_is_in_the_archive(dist, tmp_path, machine, architecture):
    directory = unpack(dist, architecture, tmp_path)
    program = directory / "scramtoken"
    assert elf.machine(program) == machine
    assert elf.needed(program) == set() and elf.interpreter(program) is None
    assert elf.is_position_independent(program)
    assert program.stat().st_size < 10 * MEGABYTE
    assert (directory / "scramtoken-agent.service").exists()
    for name in ("LICENSE-MIT", "LICENSE-APACHE", "LICENSE-LMDB", "THIRD-PARTY", "README.md"):
        assert (directory / name).read_bytes() == (ROOT / name).read_bytes()
    assert (directory / f"{NAME}-program.cdx.json").exists()
    assert {"scramtoken.1", "scramtoken-login.1"} <= {
        path.name for path in (directory / "man").iterdir()
    }
    assert {path.name for path in (directory / "completions").iterdir()} == {
        "scramtoken.bash",
        "_scramtoken",
        "scramtoken.fish",
    }


# ---- in an empty root ----


class Root:
    """A root directory with what a test puts there, for a user who owns one directory in it."""

    def __init__(self, directory, program, user=NOBODY):
        self.directory, self.program, self.user = directory, program, user
        self.home = directory / "home"
        self.home.mkdir(mode=0o700)
        os.chown(self.home, user, user)

    def give(self, name, text):
        """A file of the user's; its path as the program sees it."""
        path = self.home / name
        path.write_text(text)
        path.chmod(0o600)
        os.chown(path, self.user, self.user)
        return f"/home/{name}"

    def command(self, *arguments):
        become = ["chroot", f"--userspec={self.user}:{self.user}", self.directory]
        return [str(word) for word in (*become, self.program, *arguments)]


@pytest.fixture
def empty(dist, tmp_path):
    directory = tmp_path / "root"
    directory.mkdir()
    shutil.copy(unpack(dist, HERE, tmp_path) / "scramtoken", directory)
    return Root(directory, "/scramtoken")


@pytest.fixture
def options(broker, tmp_path):
    """Gives a root the authority's certificate and a user's properties; the options for them."""

    def give(root, user):
        authority = root.give("ca.pem", broker.authority.pem.read_text())
        tls = {
            "security_protocol": "SASL_SSL",
            "ssl_truststore_type": "PEM",
            "ssl_truststore_location": authority,
        }
        config = client_config(tmp_path / user, user, USERS[user], **tls)
        given = root.give(f"{user}.properties", config.read_text())
        return ["--bootstrap-server", broker.bootstrap("SASL_SSL"), "--command-config", given]

    return give


def test_logs_in_over_tls(empty, options):
    said = succeed(empty.command("login", *options(empty, "alice")))
    assert 'logged in as the user "alice" by SCRAM-SHA-512' in said


def test_says_what_is_wrong_where_there_is_no_authority(empty, options, broker):
    config = client_config(empty.home / "c", "alice", USERS["alice"], security_protocol="SASL_SSL")
    given = empty.give("none.properties", config.read_text())
    where = ["--bootstrap-server", broker.bootstrap("SASL_SSL"), "--command-config", given]
    done = run(empty.command("login", *where))
    assert done.returncode == 6 and "ssl.truststore" in done.stderr, done.stderr


def test_makes_a_token_and_logs_in_by_it(empty, options):
    where = options(empty, "alice")
    create = ["--create", "--max-life-time-period", "-1", "--output", "token-file"]
    out = ["--out", "/home/token.json"]
    succeed(empty.command("delegation-tokens", *where, *create, *out))
    time.sleep(1.5)  # until every broker knows the token
    said = succeed(empty.command("login", *where, "--source", "file:/home/token.json"))
    assert "the delegation token" in said


def test_a_store(empty):
    empty.give("key", "0123456789abcdef0123456789abcdef")
    where = ["--store", "lmdb:/home/store", "--secret-key-file", "/home/key", "--as", "User:alice"]
    create = ["--create", "--max-life-time-period", "-1", "--output", "token-file"]
    said = succeed(empty.command("delegation-tokens", *where, *create))
    token = json.loads(said)["token_id"]
    described = ["--describe", "--owner-principal", "User:alice", "--output", "json"]
    assert token in succeed(empty.command("delegation-tokens", *where, *described))


# ---- the image ----


class Buildah:
    """Builds images without a daemon, and keeps them below one directory."""

    def __init__(self, directory):
        self.command = ["buildah", "--root", directory / "images", "--runroot", directory / "run"]
        self.environment = os.environ | {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}

    def __call__(self, *arguments):
        return succeed([*self.command, *arguments], env=self.environment).strip()


@pytest.fixture(scope="module")
def image(dist, tmp_path_factory):
    """The image's configuration, and its root directory."""
    buildah = Buildah(tmp_path_factory.mktemp("buildah"))
    dockerfile = ROOT / "packaging" / "container" / "Dockerfile"
    buildah("build", "--file", dockerfile, "--tag", "scramtoken", dist)
    container = buildah("from", "scramtoken")
    try:
        configuration = json.loads(buildah("inspect", "--type", "image", "scramtoken"))
        yield configuration["OCIv1"]["config"], buildah("mount", container)
    finally:
        buildah("rm", "--all")
        buildah("rmi", "--all", "--force")


def test_the_image_has_the_program_and_its_terms_alone(image):
    configuration, directory = image
    found = set()
    for place, _, names in os.walk(directory):
        found |= {os.path.join(place, name).removeprefix(directory) for name in names}
    documents = "/usr/share/doc/scramtoken/"
    assert found == {
        "/usr/bin/scramtoken",
        f"{documents}{NAME}-program.cdx.json",
        *(f"{documents}LICENSE-{name}" for name in ("MIT", "APACHE", "LMDB")),
        f"{documents}THIRD-PARTY",
    }
    assert configuration["User"] == "10001:10001"
    assert configuration["Entrypoint"] == ["/usr/bin/scramtoken"]
    assert any(value.startswith("PATH=") and "/usr/bin" in value for value in configuration["Env"])


@pytest.fixture
def in_image(image, tmp_path):
    """A root like that of the image's containers, with a volume for their user at /home."""
    configuration, directory = image
    shutil.copytree(directory, tmp_path / "root")
    user = int(configuration["User"].partition(":")[0])
    return Root(tmp_path / "root", configuration["Entrypoint"][0], user)


AGENT = """
command_config = "/home/alice.properties"
bootstrap_servers = "{bootstrap}"
journal = "/home/journal.json"

[[token]]
name = "job"

[[token.target]]
file = "/home/token.json"
"""


def test_the_agent_in_the_image(in_image, options, broker):
    """Keeps a token, which logs in; says with SIGTERM that it ends."""
    where = options(in_image, "alice")
    bootstrap = broker.bootstrap("SASL_SSL")
    config = in_image.give("agent.toml", AGENT.format(bootstrap=bootstrap))
    agent = subprocess.Popen(
        in_image.command("agent", "--config", config),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        file = in_image.home / "token.json"
        deadline = time.monotonic() + 60
        while not file.exists():
            assert agent.poll() is None and time.monotonic() < deadline, agent.stdout.read()
            time.sleep(0.2)
        said = succeed(in_image.command("login", *where, "--source", "file:/home/token.json"))
        assert "the delegation token" in said
        agent.terminate()
        assert agent.wait(30) == 0
    finally:
        agent.kill()
        agent.wait()
        agent.stdout.close()


def test_doctor_in_the_image(in_image, options):
    where = options(in_image, "alice")
    done = run(in_image.command("doctor", *where))
    assert done.returncode == 0, done.stdout + done.stderr


if shutil.which("docker") and run(["docker", "info"]).returncode == 0:

    def test_docker_builds_and_runs_it(dist):
        dockerfile = ROOT / "packaging" / "container" / "Dockerfile"
        tag = NAME.replace("-", ":")
        buildkit = os.environ | {"DOCKER_BUILDKIT": "1"}
        command = ["docker", "build", "--file", dockerfile, "--tag", tag, dist]
        succeed(command, env=buildkit)
        said = succeed(["docker", "run", "--rm", tag, "--version"])
        assert said == f"{NAME.replace('-', ' ')}\n"
