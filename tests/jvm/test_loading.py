"""Where the native library comes from, and what is said when it does not come."""

import os
import shlex
import zipfile
from pathlib import Path

import pytest

from harness.commands import succeed
from harness.jvm.jar import JAR, LIBRARY_IN_JAR, MODULE, VERSION, broker_jaas, on_listeners
from harness.kafka.broker import KafkaBroker

from . import jre
from .checks import check_command, run


def login_command(jar=JAR, **properties):
    jvm_args = [
        f"-Dio.scramtoken.{name.replace('_', '.')}={value}" for name, value in properties.items()
    ]
    return check_command("login", jar=jar, jvm_args=jvm_args)


def run_login(jar=JAR, **properties):
    return run(login_command(jar, **properties))


def changed_jar(path, members):
    """A copy of the jar with other contents for some members; None leaves one out."""
    with zipfile.ZipFile(JAR) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            contents = members.get(name, old.read(name))
            if contents is not None:
                new.writestr(name, contents)
    return path


def test_from_the_jar(tmp_path):
    assert run_login(tmpdir=tmp_path).endswith("ok\n")
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_from_a_path():
    library = os.environ["SCRAMTOKEN_LIBRARY"]
    assert run_login(library_path=library).endswith("ok\n")


def test_no_such_library():
    output = run_login(library_path="/no/such/lib.so")
    assert "LoginException: /no/such/lib.so (io.scramtoken.library.path) cannot be loaded" in output


def test_not_a_library(tmp_path):
    library = tmp_path / "lib.so"
    library.write_bytes(b"\x7fELF rubbish")
    output = run_login(library_path=library)
    assert f"LoginException: {library} (io.scramtoken.library.path) cannot be loaded" in output


def test_another_library():
    [path] = {
        line.split()[-1]
        for line in Path("/proc/self/maps").read_text().splitlines()
        if "/libc.so" in line
    }
    output = run_login(library_path=path)
    assert f"LoginException: {path} is no libscramtoken.so for this jar" in output


def test_another_architecture(tmp_path):
    """The library as if it had been built for S/390."""
    library = bytearray(Path(os.environ["SCRAMTOKEN_LIBRARY"]).read_bytes())
    library[18:20] = (22).to_bytes(2, "little")  # e_machine in ELF's header
    path = tmp_path / "lib.so"
    path.write_bytes(library)
    reason = "Possible cause: can't load IBM System/390 .so on a "
    output = run_login(library_path=path)
    assert f"LoginException: {path} (io.scramtoken.library.path) cannot be loaded" in output
    assert reason in output
    output = run_login(changed_jar(tmp_path / "other.jar", {LIBRARY_IN_JAR: bytes(library)}))
    assert "LoginException: libscramtoken.so cannot be loaded" in output and reason in output


def test_another_platform(tmp_path):
    output = run_login(changed_jar(tmp_path / "other.jar", {LIBRARY_IN_JAR: None}))
    assert "LoginException: libscramtoken.so cannot be loaded: this jar has no library" in output
    assert "set io.scramtoken.library.path to one that was built for it" in output


def test_on_musl(tmp_path):
    """No JVM for musl is to be had here: this one has a file of its loader's name in its maps."""
    loader = tmp_path / "ld-musl-x.so.1"
    succeed(["gcc", "-shared", "-o", loader, "-x", "c", "-"], input="int nothing;")
    command = ["env", f"LD_PRELOAD={loader}", *login_command()]
    platform = LIBRARY_IN_JAR.split("/")[-2]
    assert f"this jar has no library for {platform}-musl" in run(command)


def test_a_library_of_another_version(tmp_path):
    newer = changed_jar(tmp_path / "newer.jar", {"META-INF/native/version": "9.9.9\n"})
    output = run_login(newer)
    assert f"libscramtoken.so is version {VERSION} and the jar 9.9.9" in output


def test_no_temporary_directory():
    output = run_login(tmpdir="/no/such/directory")
    assert "no directory can be made in /no/such/directory" in output
    assert "set io.scramtoken.tmpdir to where one can" in output


def test_a_noexec_temporary_directory(tmp_path):
    """In a mount namespace of its own, where tmp_path is mounted noexec."""
    java = shlex.join(map(str, login_command(tmpdir=tmp_path)))
    script = f"mount -t tmpfs -o noexec tmpfs {tmp_path} && exec {java}"
    output = run(["unshare", "--mount", "--map-root-user", "sh", "-c", script])
    assert f"Where {tmp_path} is mounted noexec, set io.scramtoken.tmpdir to" in output, output


@pytest.mark.long  # fetches a Java
def test_native_access_is_denied():
    """Java 24 and newer can be told to; later ones will not have to be."""
    how = {"java": jre.java("25"), "jvm_args": ["--illegal-native-access=deny"]}
    output = run(check_command("login", **how))
    assert "LoginException: libscramtoken.so cannot be loaded: " in output, output
    advice = "--enable-native-access=ALL-UNNAMED"
    assert f"allow it by {advice}" in output
    how["jvm_args"].append(advice)
    output = run(check_command("login", **how))
    assert output.endswith("ok\n"), output


class FailingBroker(KafkaBroker):
    """Keeps what it has said to the end."""

    def _end(self, **how):
        self.last_words = self.log()
        super()._end(**how)


def last_words(*classpath_extra, **properties):
    """What a broker says whose start fails, as stock SCRAM in its place would let nobody notice."""
    jvm_args = [f"-Dio.scramtoken.{name}={value}" for name, value in properties.items()]
    broker = FailingBroker(
        extra_properties=on_listeners(broker_jaas()),
        classpath_extra=classpath_extra,
        jvm_args=["-Xmx512m", *jvm_args],
    )
    with pytest.raises(RuntimeError, match="ended"):
        with broker:
            pass
    return broker.last_words


def test_a_broker_without_the_library_does_not_start():
    said = last_words(JAR, **{"library.path": "/no/lib.so"})
    assert "/no/lib.so (io.scramtoken.library.path) cannot be loaded" in said


@pytest.mark.long
def test_a_broker_with_a_library_of_another_version_does_not_start(tmp_path):
    """A jar was replaced, and the library beside it was not."""
    newer = changed_jar(tmp_path / "newer.jar", {"META-INF/native/version": "9.9.9\n"})
    said = last_words(newer, **{"library.path": os.environ["SCRAMTOKEN_LIBRARY"]})
    difference = f"is version {VERSION} and the jar 9.9.9: both must be of the same version"
    assert difference in said


@pytest.mark.long
def test_a_broker_without_the_jar_does_not_start():
    """The words are the JVM's, as nothing of ours is there to speak; docs/migration.md has them."""
    assert f"No LoginModule found for {MODULE}" in last_words()


def test_the_versions_are_one():
    """That of Cargo.toml, which java/pom.xml does not repeat."""
    with zipfile.ZipFile(JAR) as jar:
        pom = jar.read("META-INF/maven/io.scramtoken/scramtoken-kafka/pom.xml").decode()
        assert jar.read("META-INF/native/version").decode().strip() == VERSION
    assert f"<artifactId>scramtoken-kafka</artifactId>\n  <version>{VERSION}</version>" in pom
    assert "${revision}" not in pom
