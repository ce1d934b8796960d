"""A DNS stub for tests: the process, and its control API over HTTP. Nothing but the standard library."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request


class Stub:
    """`with Stub() as dns:` starts `rootwalk stub`; it ends with the block, or with this process."""

    def __init__(self, *options):
        command = os.environ.get("ROOTWALK", "rootwalk").split()
        if shutil.which(command[0]) is None:
            command = ["npx", "rootwalk"]
        self.process = subprocess.Popen(
            [*command, "stub", "--control", "127.0.0.1:0", "--print-port", "--exit-with-stdin", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        started = json.loads(self.process.stdout.readline())
        self.host, port = started["dns"].rsplit(":", 1)
        self.port = int(port)
        self.control = "http://" + started["control"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            # The problem says what was expected.
            raise ValueError(json.loads(error.read())["detail"]) from None
        return json.loads(text) if text else None

    def set(self, name, type, *data, ttl=60):
        return self.call("PUT", f"/records/{urllib.parse.quote(name)}/{type}", {"data": data, "ttl": ttl})

    def fail(self, name, kind, **when):
        return self.call("POST", "/faults", {"name": name, "kind": kind, **when})

    def queries(self, **which):
        return self.call("GET", "/queries?" + urllib.parse.urlencode(which))

    def clear(self):
        self.call("DELETE", "/state")
