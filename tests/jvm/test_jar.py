"""What `make jar` builds: fit for Maven Central, the same bytes wherever it is built."""

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
import zipfile

import pytest

from harness.jvm.jar import JAR, LIBRARY_IN_JAR, VERSION
from harness.paths import ROOT

JARS = [JAR, *(JAR.with_name(f"{JAR.stem}-{kind}.jar") for kind in ("sources", "javadoc"))]
JAVA_11 = 55  # the version of its class files
POM = ElementTree.parse(ROOT / "java" / "pom.xml").getroot()
NAMESPACE = {"": "http://maven.apache.org/POM/4.0.0"}


def members(jar):
    with zipfile.ZipFile(jar) as file:
        return set(file.namelist())


def test_what_is_in_it():
    files = {name for name in members(JAR) if not name.endswith("/")}
    classes = {name for name in files if name.endswith(".class")}
    assert all(name.startswith("io/scramtoken/kafka/") for name in classes)
    assert files - classes == {
        "META-INF/MANIFEST.MF",
        "META-INF/LICENSE-APACHE",
        "META-INF/LICENSE-LMDB",
        "META-INF/LICENSE-MIT",
        "META-INF/THIRD-PARTY",
        "META-INF/maven/io.scramtoken/scramtoken-kafka/pom.properties",
        "META-INF/maven/io.scramtoken/scramtoken-kafka/pom.xml",
        "META-INF/native/version",
        LIBRARY_IN_JAR,
    }
    with zipfile.ZipFile(JAR) as jar:
        for name in classes:
            assert int.from_bytes(jar.read(name)[6:8], "big") == JAVA_11, name
        manifest = jar.read("META-INF/MANIFEST.MF").decode()
    assert "Automatic-Module-Name: io.scramtoken.kafka\r\n" in manifest
    assert f"Implementation-Version: {VERSION}\r\n" in manifest


def test_sources_and_javadoc():
    _, sources, javadoc = map(members, JARS)
    code = ROOT / "java" / "src" / "main" / "java"
    names = {str(path.relative_to(code)) for path in code.rglob("*.java")}
    assert {name for name in sources if name.endswith(".java")} == names
    assert LIBRARY_IN_JAR not in sources
    pages = "io.scramtoken.kafka/io/scramtoken/kafka/"
    classes = {
        name for name in javadoc if name.startswith(pages) and name[len(pages) :][:1].isupper()
    }
    assert classes == {f"{pages}ScramTokenLoginModule.html"}


@pytest.mark.parametrize(
    "path",
    ["name", "description", "url", "licenses/license/name", "licenses/license/url"]
    + ["developers/developer/name", "developers/developer/organization"]
    + ["scm/connection", "scm/developerConnection", "scm/url"],
)
def test_maven_central_wants(path):
    """https://central.sonatype.org/publish/requirements/"""
    assert POM.findtext(path, namespaces=NAMESPACE).strip()


def test_it_brings_no_dependency():
    """What it needs, Kafka has."""
    scopes = [scope.text for scope in POM.iterfind("dependencies/dependency/scope", NAMESPACE)]
    assert len(scopes) == len(POM.findall("dependencies/dependency", NAMESPACE))
    assert set(scopes) == {"provided"}


@pytest.mark.long
def test_built_twice_it_is_the_same(tmp_path):
    """In another directory, at another time, from the same library."""
    licences = [licence.name for licence in ROOT.glob("LICENSE-*")]
    for name in ("java", "THIRD-PARTY", *licences):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    library = tmp_path / "build" / "jar" / LIBRARY_IN_JAR
    library.parent.mkdir(parents=True)
    with zipfile.ZipFile(JAR) as jar:
        library.write_bytes(jar.read(LIBRARY_IN_JAR))
    library.chmod(0o755)
    pom = tmp_path / "java" / "pom.xml"
    maven = ["mvn", "--batch-mode", "--quiet", f"-Drevision={VERSION}"]
    subprocess.run([*maven, "--file", pom, "package"], check=True)
    for jar in JARS:
        assert (tmp_path / "build" / "java" / jar.name).read_bytes() == jar.read_bytes(), jar.name
