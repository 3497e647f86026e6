"""What the workers in Python share: requests in, answers out."""

import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "python"))
warnings.simplefilter("ignore", DeprecationWarning)  # kafka-python's, at its import


@dataclass(frozen=True)
class Request:
    """The fields of a request, as matrix/worker.py has them."""

    id: str
    records: int
    bootstrap: str
    transport: str
    ca: str
    mechanism: str
    login: str
    name: str
    secret: str
    file: str
    traffic: str

    @property
    def values(self):
        return [b"%d" % number for number in range(self.records)]

    @property
    def source(self):
        return f"file:{self.file}"


def serve(round_trip):
    """Calls it for each request; it returns the values that came back, or raises."""
    for line in sys.stdin:
        fields = line.rstrip("\n").split("\t")
        request = Request(fields[0], int(fields[1]), *fields[2:])
        try:
            values = round_trip(request)
            if values != request.values:
                raise ValueError(f"of the records came {values}")
            print("ok", flush=True)
        except Exception as error:
            text = " ".join(f"{type(error).__name__}: {error}".split())
            print(f"error\t{text}", flush=True)
