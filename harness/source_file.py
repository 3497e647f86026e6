"""What sources read, replaced as a rotation does it: a file, or a mounted Secret of Kubernetes."""

import json
import os


class SourceFile:
    """`write` makes the file or replaces it, the whole of it at once; `uri` names the source."""

    def __init__(self, path):
        self.path = path
        self.uri = f"file:{path}"

    def write(self, token, **fields):
        return self.write_fields(token_id=token.id, hmac=token.hmac, **fields)

    def write_fields(self, **fields):
        fresh = self.path.with_suffix(".new")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(fields, file)
        fresh.rename(self.path)
        return self


def publish(mount, number, token):
    """A new generation of a Secret, as the kubelet makes it."""
    generation = mount / f"..{number}"
    generation.mkdir(parents=True)
    (generation / "token-id").write_text(token.id)
    (generation / "token-hmac").write_text(token.hmac)
    (mount / "..data_tmp").symlink_to(generation.name)
    (mount / "..data_tmp").rename(mount / "..data")
