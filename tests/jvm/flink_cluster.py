"""A session cluster of Flink: a job manager and a task manager, each a JVM of its own."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from harness import process
from harness.jvm.jar import JAR
from harness.kafka.jars import classpath
from harness.paths import ROOT

FLINK, CONNECTOR = "2.0.0", "4.0.1-2.0"
_GROUP = "org.apache.flink"
_CLUSTER = [
    (_GROUP, name, FLINK, True)
    for name in ("flink-clients", "flink-streaming-java", "flink-runtime-web")
]
_JOB = [
    (_GROUP, "flink-connector-kafka", CONNECTOR, True),
    (_GROUP, "flink-connector-base", FLINK, True),
]
_SOURCE = Path(__file__).with_name("flink") / "BoundedJob.java"
_CONFIG = """
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: {port}
rest.address: 127.0.0.1
rest.bind-port: 0
taskmanager.host: 127.0.0.1
taskmanager.numberOfTaskSlots: 1
taskmanager.cpu.cores: 1
taskmanager.memory.framework.heap.size: 64m
taskmanager.memory.framework.off-heap.size: 16m
taskmanager.memory.jvm-metaspace.size: 128m
taskmanager.memory.jvm-overhead.min: 16m
taskmanager.memory.jvm-overhead.max: 16m
taskmanager.memory.task.heap.size: 128m
taskmanager.memory.task.off-heap.size: 0m
taskmanager.memory.managed.size: 16m
taskmanager.memory.network.min: 16m
taskmanager.memory.network.max: 16m
"""
_PACKAGE = "org.apache.flink.runtime"


def build_job(directory):
    """The job's jar, with the connector, Kafka's client and our jar in it."""
    cluster, job = _classpaths()
    classes = directory / "classes"
    argv = [process.java_command("javac"), "-nowarn", "-cp", f"{cluster}:{job}", "-d", classes]
    subprocess.run([*argv, _SOURCE], check=True)
    path = directory / "job.jar"
    jars = [JAR, *sorted(Path(job.removesuffix("/*")).glob("*.jar"))]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        out.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nMain-Class: BoundedJob\n")
        for file in classes.iterdir():
            out.write(file, file.name)
        for jar in jars:
            _copy(jar, out)
    return path


def _copy(jar, out):
    there = set(out.namelist())
    with zipfile.ZipFile(jar) as members:
        for name in members.namelist():
            logging = name.startswith("org/slf4j/")
            if name not in there and not name.endswith("/") and not logging:
                out.writestr(name, members.read(name))


def _classpaths():
    cache = ROOT / "build" / "flink"
    return (
        classpath(cache / f"cluster-{FLINK}", _CLUSTER, f"Flink {FLINK} (cluster)"),
        classpath(cache / f"connector-{CONNECTOR}", _JOB, f"Flink's connector {CONNECTOR}"),
    )


class FlinkCluster:
    """Runs while in a `with` block; its files are in `directory`."""

    def __init__(self, directory, metaspace):
        self._directory = directory
        self._metaspace = metaspace
        self._jvms = {}

    def __enter__(self):
        try:
            program = f"{_PACKAGE}.entrypoint.StandaloneSessionClusterEntrypoint"
            self._start("jobmanager", program, 0)
            address = self._said("jobmanager", r"Rest endpoint listening at (\S+)")
            self._url = f"http://{address}"
            port = self._said("jobmanager", r"pekko\.tcp://flink@127\.0\.0\.1:(\d+)")
            program = f"{_PACKAGE}.taskexecutor.TaskManagerRunner"
            self._start("taskmanager", program, port)
            self._until(self._has_a_slot, "a task manager")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for jvm in self._jvms.values():
            process.stop(jvm)

    def upload(self, jar):
        """Its id."""
        boundary = "a-boundary-that-is-in-no-jar"
        head = (
            f"--{boundary}\r\n"
            'Content-Disposition: form-data; name="jarfile"; filename="job.jar"\r\n'
            "Content-Type: application/x-java-archive\r\n\r\n"
        )
        body = head.encode() + jar.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        form = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self._request("/jars/upload", body, form)
        return answer["filename"].rpartition("/")[2]

    def run(self, jar, *arguments):
        """Runs a job to its end."""
        body = json.dumps({"programArgsList": arguments}).encode()
        kind = {"Content-Type": "application/json"}
        job = self._request(f"/jars/{jar}/run", body, kind)["jobid"]
        self._until(lambda: self._state(job) == "FINISHED", "the job")

    def wait_for_few_class_loaders(self, jvm, at_most):
        """Until no more class loaders of jobs are left in a JVM: Flink takes its time to let go."""
        self._until(lambda: self._class_loaders(jvm) <= at_most, f"class loaders of the {jvm}")

    def _class_loaders(self, jvm):
        jcmd = [process.java_command("jcmd"), str(self._jvms[jvm].pid)]
        subprocess.run([*jcmd, "GC.run"], check=True, stdout=subprocess.DEVNULL)
        told = subprocess.run([*jcmd, "VM.classloader_stats"], check=True, capture_output=True)
        return told.stdout.decode().count("ChildFirstClassLoader")

    def libraries(self, jvm):
        """The different native libraries of ours that are mapped into a JVM."""
        maps = Path(f"/proc/{self._jvms[jvm].pid}/maps").read_text().splitlines()
        return {line.split()[4] for line in maps if "libscramtoken.so" in line}

    def log(self):
        return "\n".join(self._log(jvm).read_text() for jvm in self._jvms)

    def _log(self, jvm):
        return self._directory / f"{jvm}.log"

    def _start(self, name, program, port):
        conf = self._directory / name
        conf.mkdir()
        (conf / "config.yaml").write_text(_CONFIG.format(port=port))
        limits = ["-Xmx256m", f"-XX:MaxMetaspaceSize={self._metaspace}", "-XX:+UseSerialGC"]
        packages = ("lang", "util", "util.concurrent", "net", "nio")
        opened = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in packages]
        argv = [process.java_command(), *limits, *opened, f"-Djava.io.tmpdir={self._directory}"]
        argv += ["-cp", _classpaths()[0], program, "--configDir", conf]
        with open(self._log(name), "w") as log:
            self._jvms[name] = process.start(argv, stdout=log, stderr=subprocess.STDOUT)

    def _said(self, jvm, pattern):
        found = []

        def look():
            found[:] = re.findall(pattern, self._log(jvm).read_text())
            return found

        self._until(look, pattern)
        return found[0]

    def _until(self, holds, what):
        deadline = time.monotonic() + 120
        while not holds():
            for name, jvm in self._jvms.items():
                if jvm.poll() is not None:
                    raise RuntimeError(f"the {name} has ended\n{self.log()[-8000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}\n{self.log()[-8000:]}")
            time.sleep(0.2)

    def _has_a_slot(self):
        try:
            return self._get("/overview")["slots-available"] == 1
        except RuntimeError:  # it is still electing its leader
            return False

    def _state(self, job):
        answer = self._get(f"/jobs/{job}")
        if answer["state"] == "FAILED":
            raise RuntimeError(f"the job has failed\n{self.log()[-8000:]}")
        return answer["state"]

    def _get(self, path):
        return self._request(path)

    def _request(self, path, body=None, headers=()):
        request = urllib.request.Request(self._url + path, body, dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.read().decode()[:4000]}") from error
