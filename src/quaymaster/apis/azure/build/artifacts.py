"""Artifacts of builds and the containers that hold their files (CONTRACT B.1, SEMANTICS 23.6)."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from litestar import Response, get, post, put
from litestar.params import FromPath
from litestar.response import Stream

from quaymaster.actions.builds.results import artifacts
from quaymaster.actions.builds.results.artifacts import Upload
from quaymaster.apis.azure.asked import AzureRequest, object_in, text_in
from quaymaster.apis.azure.build.builds import ONE, build_number
from quaymaster.apis.azure.errors import Problem
from quaymaster.apis.azure.policy import needs
from quaymaster.apis.azure.streaming import asked_part, streamed
from quaymaster.apis.azure.values import date_out, number_in
from quaymaster.apis.shared.scopes import Scope
from quaymaster.domain.errors import Invalid
from quaymaster.store.builds.containers import BuildArtifact, ContainerFile, NewArtifact
from quaymaster.store.builds.views import BuildView

CONTAINER = "/resources/containers/{container_id:str}"
RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")
BINARY = "application/octet-stream"


@get(
    [f"{ONE}/artifacts", f"{ONE}/artifacts/{{artifact_name:path}}"],
    opt=needs(Scope.BUILD),
    status_code=200,
)
async def get_build_artifacts(
    request: AzureRequest, build_id: FromPath[str]
) -> Response[bytes] | Stream:
    """The artifacts of a build; one with `artifactName`, its files as a zip with `$format=zip`.

    With `fileId` the one file of that id.
    """
    number, query = build_number(build_id), request.parameters
    name = "/".join(request.asked.tail[4:]) or query.text("artifactName")
    if not name:
        view, found = await artifacts.listed(request.call, number)
        return request.collection("buildArtifact", [_artifact(request, view, a) for a in found])
    view, one = await artifacts.get(request.call, number, name)
    if query.text("fileId"):
        return await _one_file(request, number, one, query.text("fileId"))
    if request.wants_zip:
        below = query.text("subPath")
        pieces = await artifacts.zipped(request.call, number, one, below)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(one.name)}.zip"}
        return await streamed(pieces, "application/zip", headers)
    return request.answer("buildArtifact", _artifact(request, view, one))


async def _one_file(
    request: AzureRequest, number: int, artifact: BuildArtifact, file_id: str
) -> Stream:
    held = await artifacts.files_of(request.call, number, artifact)
    for file in held.files:
        if str(file.id) == file_id or file.sha256 == file_id.casefold():
            return await _file(request, file)
    raise Problem(404, "FileNotFoundException", f"The artifact has no file {file_id[:80]}.")


async def _file(request: AzureRequest, file: ContainerFile) -> Stream:
    """The file, or the part of it that `Range` asks for, if it is still the one of `If-Range`."""
    name, tag = quote(file.path.rpartition("/")[2]), f'"{file.sha256}"'
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Accept-Ranges": "bytes",
        **({"ETag": tag} if file.sha256 else {}),
    }
    asked = request.headers.get("range", "")
    part = None
    if asked and request.headers.get("if-range", tag) == tag:
        part = asked_part(asked, file.byte_count)
    first, last = part or (0, file.byte_count - 1)
    headers["Content-Length"] = str(last - first + 1)
    if part:
        headers["Content-Range"] = f"bytes {first}-{last}/{file.byte_count}"
    elif file.sha256:
        headers["X-Checksum-Sha256"] = file.sha256
    pieces = artifacts.bytes_of(request.call, file, first, last - first + 1)
    return await streamed(pieces, BINARY, headers, 206 if part else 200)


@post(f"{ONE}/artifacts", opt=needs(Scope.BUILD_EXECUTE), status_code=200)
async def create_build_artifact(request: AzureRequest, build_id: FromPath[str]) -> Response[bytes]:
    """Name an artifact of a build; its files lie in the build's container, or elsewhere."""
    call, number = request.in_project(), build_number(build_id)
    body = await request.properties("buildArtifact", ("name", "resource", "source"))
    resource = object_in(body.get("resource"), "resource")
    name = text_in(body.get("name"), "name", longest=256)
    kind = text_in(resource.get("type"), "resource.type") or "Container"
    data = text_in(resource.get("data"), "resource.data")
    properties = _texts(object_in(resource.get("properties"), "resource.properties"))
    if not name:
        raise Problem(400, "ArgumentNullException", "Value cannot be null. Parameter name: name")
    if kind.casefold() == "container":
        data = data or f"#/{number}/{name}"
    elif not data.strip():
        raise Invalid(f"The artifact {name} of the type {kind[:40]} does not say where it lies.")
    if kind.casefold() == "container" and not data.startswith(f"#/{number}/"):
        raise Invalid(f"The files of a container artifact lie in #/{number}/…, not in {data[:80]}.")
    new = NewArtifact(name, kind, data, properties, text_in(body.get("source"), "source"))
    made = await artifacts.create(call, number, new)
    view, _ = await artifacts.get(call, number, made.name)
    return request.answer("buildArtifact", _artifact(request, view, made))


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(one) for name, one in value.items() if not isinstance(one, dict | list)}


def _artifact(request: AzureRequest, view: BuildView, found: BuildArtifact) -> dict[str, Any]:
    project = str(view.project_id)
    url = request.links.apis(project, f"build/builds/{view.id}/artifacts")
    url = f"{url}?artifactName={quote(found.name)}&api-version=7.1"
    return {
        "id": found.id,
        "name": found.name,
        "source": found.source or None,
        "resource": {
            "type": found.type,
            "data": found.data,
            "properties": dict(found.properties),
            "url": url,
            "downloadUrl": f"{url}&%24format=zip"
            if found.type.casefold() == "container"
            else found.data,
        },
    }


@get([CONTAINER, CONTAINER + "/{path:path}"], opt=needs(Scope.BUILD), status_code=200)
async def get_container_items(
    request: AzureRequest, container_id: FromPath[str]
) -> Response[bytes] | Stream:
    """The files of a build's container, or one file of it where binary data is asked for."""
    number, query = build_number(container_id), request.parameters
    path = query.text("itemPath") or "/".join(request.asked.tail[3:])
    accepted = request.headers.get("accept", "").casefold()
    if path and (query.text("format").casefold() == "octetstream" or BINARY in accepted):
        return await _file(request, await artifacts.file_at(request.call, number, path))
    found = await artifacts.items(request.call, number, path)
    values = [_item(request, number, one) for one in found]
    return request.collection("fileContainerItem", values)


@put(
    [CONTAINER, CONTAINER + "/{path:path}"],
    opt=needs(Scope.BUILD_EXECUTE),
    request_max_body_size=None,
)
async def upload_container_item(
    request: AzureRequest, container_id: FromPath[str]
) -> Response[bytes]:
    """Put a file into a build's container: whole, or in pieces with `Content-Range`.

    `X-Checksum-Sha256` is compared with what comes. 201 once the file is whole, 202 before.
    """
    call, number = request.call, build_number(container_id)
    path = request.parameters.text("itemPath") or "/".join(request.asked.tail[3:])
    if not path:
        raise Problem(
            400, "ArgumentNullException", "Value cannot be null. Parameter name: itemPath"
        )
    wanted = _upload(request, path)
    found, is_whole = await artifacts.upload(call, number, wanted, request.stream())
    body = _item(request, number, found) if found else {"path": path, "status": "pendingUpload"}
    answer = request.answer("fileContainerItem", body)
    answer.status_code = 201 if is_whole else 202
    return answer


def _upload(request: AzureRequest, path: str) -> Upload:
    headers = request.headers
    length = headers.get("content-length")
    announced = number_in(length, "Content-Length", lowest=0, highest=2**53) if length else None
    checksum = headers.get("x-checksum-sha256", "").strip()
    given = headers.get("content-range", "")
    if not given:
        return Upload(path, length=announced, sha256=checksum)
    match = RANGE.fullmatch(given.strip())
    if match is None:
        raise Invalid(f"Content-Range is {given[:80]!r}; write it as bytes 0-99/1000.")
    first, last, total = map(int, match.groups())
    if not first <= last < total:
        raise Invalid(f"Content-Range {given[:80]!r} lies outside of the file.")
    return Upload(path, first, total, last - first + 1, checksum)


def _item(request: AzureRequest, number: int, file: ContainerFile) -> dict[str, Any]:
    url = f"{request.links.base}/_apis/resources/Containers/{number}?itemPath={quote(file.path)}"
    return {
        "containerId": number,
        "path": file.path,
        "itemType": "file",
        "status": "created",
        "fileLength": file.byte_count,
        "fileId": file.id,
        "dateCreated": date_out(file.created_at),
        "itemLocation": url,
        "contentLocation": url,
        "contentId": file.sha256,
    }


ROUTES = [
    get_build_artifacts,
    create_build_artifact,
    get_container_items,
    upload_container_item,
]
