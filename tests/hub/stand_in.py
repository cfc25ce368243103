"""Requests of huggingface_hub -> answers like the Hub's: repositories, commits and files in memory.

Weights go through the LFS protocol, other files are part of a commit, as on the Hub. Run as a
program, it prints its address and serves until it is killed.
"""

import base64
import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

TOKEN = "hf_token_of_a_test"


class StandIn(ThreadingHTTPServer):
    """The Hub at ``address``.

    ``repositories`` maps a name to its branches, ``commits`` maps a commit to its files.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.repositories: dict[str, dict[str, str]] = {}
        self.private: dict[str, bool] = {}
        self.commits: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.asked: list[str] = []

    def files(self, repository, revision="main"):
        """The files of a branch by path."""
        return self.commits[self.repositories[repository][revision]]

    def commit(self, repository, revision, files):
        """Let a branch point to a commit with these files; returns the commit's name."""
        named = json.dumps([repository, len(self.commits)]).encode()
        oid = hashlib.sha1(named).hexdigest()
        self.commits[oid] = files
        self.repositories[repository][revision] = oid
        return oid


class Handler(BaseHTTPRequestHandler):
    """One request: ``route`` finds the method that answers it."""

    server: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Print nothing."""

    def answer(self, content=b"", status=200, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def missing(self, code, status=404):
        self.answer({"error": code}, status, X_Error_Code=code)

    def route(self):
        path = unquote(urlsplit(self.path).path)
        self.server.asked.append(f"{self.command} {path}")
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        is_mine = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if self.command == "POST" and not is_mine:
            return self.answer({"error": "Invalid username or password."}, 401)
        for pattern, method in ROUTES.items():
            if match := re.fullmatch(pattern, f"{self.command} {path}"):
                values = match.groupdict()
                repository = values.get("repository")
                if repository is not None:
                    known = repository in self.server.repositories
                    if not known or (self.server.private[repository] and not is_mine):
                        return self.missing("RepoNotFound", 404 if is_mine else 401)
                return method(self, **values)
        return self.missing("NoRoute")

    do_GET = do_HEAD = do_POST = do_PUT = route

    def create(self):
        asked = json.loads(self.body)
        name = "/".join(filter(None, (asked.get("organization", "me"), asked["name"])))
        url = {"url": f"{self.server.address}/{name}"}
        if name.startswith("other/"):
            return self.answer({"error": "You have no rights here"}, 403)
        if name in self.server.repositories:
            return self.answer({"error": "You already created this", **url}, 409)
        self.server.repositories[name] = {}
        self.server.private[name] = asked.get("private") or asked.get("visibility") == "private"
        self.server.commit(name, "main", {".gitattributes": b""})
        return self.answer(url)

    def validate(self):
        self.answer({"errors": [], "warnings": []})

    def branch(self, repository, revision):
        branches = self.server.repositories[repository]
        if revision in branches:
            return self.answer({"error": "Reference already exists"}, 409)
        branches[revision] = branches["main"]
        return self.answer({})

    def preupload(self, repository, revision):
        files = [
            {
                "path": each["path"],
                "uploadMode": "lfs" if each["path"].endswith(".safetensors") else "regular",
                "shouldIgnore": False,
            }
            for each in json.loads(self.body)["files"]
        ]
        self.answer({"files": files})

    def batch(self, repository):
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.server.address}/lfs/{each['oid']}"}}}
            for each in json.loads(self.body)["objects"]
        ]
        self.answer({"transfer": "basic", "objects": objects})

    def store(self, oid):
        assert hashlib.sha256(self.body).hexdigest() == oid
        self.server.large[oid] = self.body
        self.answer()

    def commit(self, repository, revision):
        files = dict(self.server.files(repository, revision))
        for line in map(json.loads, self.body.splitlines()):
            value = line["value"]
            match line["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.server.large[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
        url = f"{self.server.address}/{repository}"
        if "create_pr=1" in self.path:
            oid = self.server.commit(repository, "refs/pr/1", files)
            more = {"pullRequestUrl": f"{url}/discussions/1"}
        else:
            oid, more = self.server.commit(repository, revision, files), {}
        self.answer({"success": True, "commitOid": oid, "commitUrl": f"{url}/commit/{oid}", **more})

    def resolved(self, repository, revision):
        """The commit of a branch, or the commit itself; None, and an answer, if there is none."""
        oid = self.server.repositories[repository].get(revision, revision)
        if oid in self.server.commits:
            return oid
        self.missing("RevisionNotFound")
        return None

    def info(self, repository, revision="main"):
        if oid := self.resolved(repository, revision):
            siblings = [{"rfilename": path} for path in self.server.commits[oid]]
            self.answer({"id": repository, "sha": oid, "siblings": siblings})

    def tree(self, repository, revision):
        if oid := self.resolved(repository, revision):
            self.answer(
                [
                    {"type": "file", "path": path, "size": len(content), "oid": git_oid(content)}
                    for path, content in self.server.commits[oid].items()
                ]
            )

    def resolve(self, repository, revision, path):
        if oid := self.resolved(repository, revision):
            content = self.server.commits[oid].get(path)
            if content is None:
                return self.missing("EntryNotFound")
            return self.answer(content, ETag=f'"{git_oid(content)}"', X_Repo_Commit=oid)
        return None


def git_oid(content):
    """The name that Git gives to the content of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


REPOSITORY = r"(?P<repository>[^/]+/[^/]+)"
MODEL = f"/api/models/{REPOSITORY}"
REVISION = "(?P<revision>.+)"
ROUTES = {
    "POST /api/repos/create": Handler.create,
    "POST /api/validate-yaml": Handler.validate,
    f"POST {MODEL}/branch/{REVISION}": Handler.branch,
    f"POST {MODEL}/preupload/{REVISION}": Handler.preupload,
    f"POST {MODEL}/commit/{REVISION}": Handler.commit,
    rf"POST /{REPOSITORY}\.git/info/lfs/objects/batch": Handler.batch,
    "PUT /lfs/(?P<oid>[0-9a-f]+)": Handler.store,
    f"GET {MODEL}": Handler.info,
    f"GET {MODEL}/revision/{REVISION}": Handler.info,
    f"GET {MODEL}/tree/{REVISION}": Handler.tree,
    rf"(?:GET|HEAD) /{REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<path>.+)": Handler.resolve,
}


if __name__ == "__main__":
    server = StandIn()
    print(server.address, flush=True)
    server.serve_forever()
