"""What only librdkafka's C API can do, over ctypes: also of other versions than the wheel's."""

import ctypes
import subprocess
from pathlib import Path

import confluent_kafka

from harness.paths import library

CONF_OK = 0
PRODUCER, CONSUMER = 0, 1
ALL_BROKERS_DOWN, AUTHENTICATION, TIMED_OUT, TRANSPORT = -187, -169, -185, -195
_ERROR_CB = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_LOG_CB = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p)


def wheels_path():
    """Where the confluent-kafka wheel has its librdkafka."""
    package = Path(confluent_kafka.__file__).parent
    (path,) = package.with_name("confluent_kafka.libs").glob("librdkafka*.so*")
    return path


def debians_path():
    """Where Debian has its librdkafka."""
    argv = ["gcc", "-print-file-name=librdkafka.so.1"]
    return Path(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip())


def wheels():
    """The librdkafka in the confluent-kafka wheel."""
    return Library(wheels_path())


def debians():
    """Debian's librdkafka, 2.0.2."""
    return Library("librdkafka.so.1")


class Library:
    def __init__(self, path):
        self.path = str(path)
        self.c = ctypes.CDLL(self.path)
        for name in ("conf_new", "conf_dup", "new"):
            getattr(self.c, f"rd_kafka_{name}").restype = ctypes.c_void_p
        self.c.rd_kafka_version_str.restype = ctypes.c_char_p
        self.version = self.c.rd_kafka_version_str().decode()

    def conf(self, properties):
        """A configuration object with these properties, set in their order."""
        conf = Conf(self, self.c.rd_kafka_conf_new())
        for name, value in properties.items():
            conf.set(name, value)
        return conf


class Refused(Exception):
    pass


class Conf:
    def __init__(self, library, pointer):
        self.library, self.c, self.pointer = library, library.c, ctypes.c_void_p(pointer)

    def set(self, name, value):
        errstr = ctypes.create_string_buffer(512)
        result = self.c.rd_kafka_conf_set(
            self.pointer, name.encode(), str(value).encode(), errstr, ctypes.c_size_t(512)
        )
        if result != CONF_OK:
            raise Refused(errstr.value.decode())

    def get(self, name):
        value = ctypes.create_string_buffer(512)
        size = ctypes.c_size_t(512)
        result = self.c.rd_kafka_conf_get(self.pointer, name.encode(), value, ctypes.byref(size))
        return value.value.decode() if result == CONF_OK else None

    def dup(self):
        return Conf(self.library, self.c.rd_kafka_conf_dup(self.pointer))

    def destroy(self):
        self.c.rd_kafka_conf_destroy(self.pointer)

    def client(self, kind=PRODUCER):
        """A client, which owns the configuration from now on."""
        return Handle(self, kind)


class Handle:
    """A client; use it in a `with` block."""

    def __init__(self, conf, kind):
        self.c = conf.c
        self.errors = []
        self._callbacks = (
            _ERROR_CB(lambda _, code, text, __: self.errors.append((code, text.decode()))),
            _LOG_CB(lambda *_: None),
        )
        self.c.rd_kafka_conf_set_error_cb(conf.pointer, self._callbacks[0])
        self.c.rd_kafka_conf_set_log_cb(conf.pointer, self._callbacks[1])
        errstr = ctypes.create_string_buffer(512)
        self.pointer = ctypes.c_void_p(
            self.c.rd_kafka_new(kind, conf.pointer, errstr, ctypes.c_size_t(512))
        )
        if not self.pointer:
            raise Refused(errstr.value.decode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.c.rd_kafka_destroy(self.pointer)

    def works(self, seconds=20):
        """Gets the cluster's metadata."""
        metadata = ctypes.c_void_p()
        error = self.c.rd_kafka_metadata(
            self.pointer, 1, None, ctypes.byref(metadata), int(seconds * 1000)
        )
        if error == 0:
            self.c.rd_kafka_metadata_destroy(metadata)
        return error == 0

    def refusal(self, seconds=20):
        """The text of the first _AUTHENTICATION error."""
        code, text = self.failure(seconds, lambda code: code == AUTHENTICATION)
        return text

    def failure(self, seconds=20, wanted=lambda code: code != ALL_BROKERS_DOWN):
        """The first error of a broker: its code and its text."""
        for _ in range(int(seconds * 10)):
            self.c.rd_kafka_poll(self.pointer, 100)
            for code, text in self.errors:
                if wanted(code):
                    return code, text
        raise AssertionError(f"no such failure, but {self.errors}")


def plugin(bootstrap, source, **properties):
    """The properties of a client that logs in with the plugin."""
    return {
        "bootstrap.servers": bootstrap,
        "plugin.library.paths": str(library()),
        "scramtoken.source": source.uri,
    } | {name.replace("_", "."): value for name, value in properties.items()}
