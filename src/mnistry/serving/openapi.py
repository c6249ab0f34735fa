"""What the server answers, as an OpenAPI 3.1 document."""

from __future__ import annotations

from functools import cache

import mnistry
from mnistry.ocr.constraints import CHECKS
from mnistry.serving.live import LIMITS
from mnistry.serving.look import MOST
from mnistry.serving.protocol import MOST_PICTURES
from mnistry.serving.schemas import (
    DIGIT,
    IMAGE,
    NUMBER,
    TEXT,
    WHOLE,
    YES,
    Json,
    list_of,
    object_of,
    ref,
    schemas,
)


def _body(schema: Json, kind: str = "application/json") -> Json:
    return {"required": True, "content": {kind: {"schema": schema}}}


def _answer(about: str, schema: Json, kind: str = "application/json") -> Json:
    return {"description": about, "content": {kind: {"schema": schema}}}


def _in_path(name: str, about: str) -> Json:
    return {
        "name": name, "in": "path", "required": True, "description": about,
        "schema": {"type": "string", "minLength": 1},
    }  # fmt: skip


def _in_query(name: str, about: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": about, "schema": schema}


_EVENTS = (
    "Events: `start`, `wait` (how many are ahead in the line for a place), `look` (step, loss, "
    "accuracy, weights) and `end`."
)
_WRONG = {
    "400": "The body is not what it should be.",
    "401": "A key is asked for.",
    "403": "The caller is a page of another site.",
    "404": "There is no such thing.",
    "408": "The body took too long to arrive.",
    "413": "The body is too large.",
    "415": "The body is of a kind that can't be read.",
    "421": "The Host header does not name this server.",
    "422": "A value can't be used; the sentence says which and why.",
    "500": "Something went wrong in the server.",
    "503": "The server is busy; try again in a second.",
}
_ALWAYS = ("401", "403", "408", "413", "421", "500", "503")


def _operation(
    name: str,
    about: str,
    good: dict[str, Json],
    wrong: tuple[str, ...] = (),
    parameters: tuple[Json, ...] = (),
    body: Json | None = None,
) -> Json:
    answers = dict(good)
    for status in sorted({*wrong, *_ALWAYS}):
        answers[status] = {"$ref": f"#/components/responses/{status}"}
    told: Json = {"operationId": name, "summary": about, "responses": answers}
    if parameters:
        told["parameters"] = list(parameters)
    if body is not None:
        told["requestBody"] = body
    return told


_MODEL = _in_path("model", "A model's name: `convnet`, `softmax`, or one of the folder's.")
_VERSION = _in_path("version", "A model's version.")
_SPLIT = {**_in_path("split", "Of MNIST."), "schema": {"type": "string", "enum": ["train", "test"]}}


def _protocol() -> Json:
    """The addresses of the Open Inference Protocol."""
    paths: Json = {
        "/v2": {"get": _operation("server", "The server", {"200": _answer("It.", ref("Server"))})},
        "/v2/repository/index": {
            "post": _operation(
                "repository", "All models", {"200": _answer("They.", list_of(ref("State")))},
                ("400",),
                body={**_body(object_of([], ready=YES)), "required": False},
            )
        },
    }  # fmt: skip
    paths["/v2/models/stats"] = {
        "get": _operation(
            "allStatistics", "Counts and times of all models, as Triton's statistics extension",
            {"200": _answer("They.", ref("Statistics"))},
        )
    }  # fmt: skip
    for what in ("live", "ready"):
        answer = _answer("It is.", object_of([what], **{what: YES}))
        paths[f"/v2/health/{what}"] = {
            "get": _operation(what, f"Is the server {what}?", {"200": answer})
        }
    for prefix, own, tail in (
        ("/v2/models/{model}", (_MODEL,), ""),
        ("/v2/models/{model}/versions/{version}", (_MODEL, _VERSION), "Version"),
    ):
        paths[prefix] = {
            "get": _operation(
                f"model{tail}", "A model", {"200": _answer("It.", ref("Model"))}, ("404",), own
            )
        }
        paths[f"{prefix}/ready"] = {
            "get": _operation(
                f"modelReady{tail}", "Is a model ready?",
                {"200": _answer("It is.", object_of(["name", "ready"], name=TEXT, ready=YES))},
                ("404",), own,
            )
        }  # fmt: skip
        paths[f"{prefix}/config"] = {
            "get": _operation(
                f"config{tail}", "A model, as Triton's model configuration extension describes it",
                {"200": _answer("It.", ref("Configuration"))}, ("404",), own,
            )
        }  # fmt: skip
        paths[f"{prefix}/stats"] = {
            "get": _operation(
                f"statistics{tail}",
                "Counts and times of a model, as Triton's statistics extension",
                {"200": _answer("They.", ref("Statistics"))}, ("404",), own,
            )
        }  # fmt: skip
        paths[f"{prefix}/infer"] = {
            "post": _operation(
                f"infer{tail}",
                f"Answer framed pictures, at most {MOST_PICTURES:,}; also in the protocol's "
                "binary tensor extension",
                {"200": _answer("The answers.", ref("InferResponse"))},
                ("400", "404"), own, _body(ref("InferRequest")),
            )
        }  # fmt: skip
    return paths


def _first_protocol() -> Json:
    """Return the paths of KServe's V1 protocol."""
    return {
        "/v1/models": {
            "get": _operation(
                "namesV1", "All models, in KServe's V1 protocol",
                {"200": _answer("Their names.", object_of(["models"], models=list_of(TEXT)))},
            )
        },
        "/v1/models/{model}": {
            "get": _operation(
                "modelReadyV1", "Is a model ready?",
                {"200": _answer("It is.", object_of(["name", "ready"], name=TEXT, ready=YES))},
                ("404",), (_MODEL,),
            )
        },
        "/v1/models/{model}:predict": {
            "post": _operation(
                "predictV1",
                f"Probabilities of at most {MOST_PICTURES:,} framed images (KServe's V1 protocol)",
                {"200": _answer("A list for each image.", ref("Predictions"))},
                ("400", "404"), (_MODEL,), _body(ref("Instances")),
            )
        },
    }  # fmt: skip


def _own() -> Json:
    """The addresses of our own."""
    share = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
    level = {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    count = {"type": "integer", "minimum": 1, "maximum": 50}
    file = {"type": "string", "format": "binary"}
    read = _operation(
        "read", "Read pictures of handwritten digits, or a drawing",
        {"200": _answer("What they say; an error in place of one that can't be read.",
                        ref("Readings"))},
        ("400", "404", "415", "422"),
        (
            _in_query("alpha", "How often sets may miss the truth.", share),
            _in_query("level", "Typicality up to which a mark is no digit.", level),
            _in_query("digits", "How many each has.", count),
            _in_query("pattern", "Regular expression over digits that each row matches.", TEXT),
            _in_query("range", "Least and greatest value of each row: LOW-HIGH.", TEXT),
            _in_query(
                "risk", "Greatest share of the accepted texts that may be wrong; sets `accepted`.",
                NUMBER,
            ),
            _in_query("allowed", "All values that a row may have, separated by commas.", TEXT),
            _in_query(
                "check", "Rule of the check digit.", {"type": "string", "enum": sorted(CHECKS)}
            ),
            _in_query("keep", "Keep points, commas and dashes.", YES),
            _in_query("images", "Give the 28×28 of each digit.", YES),
            _in_query("model", "Instead of all that is in the package.", TEXT),
        ),
        {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"oneOf": [ref("Drawing"), ref("EncodedImage"), ref("EncodedImages")]}
                },
                "multipart/form-data": {
                    "schema": object_of(["picture"], picture=list_of(file))
                },
                "image/png": {"schema": file},
                "image/jpeg": {"schema": file},
                "application/octet-stream": {"schema": file},
                "text/plain": {"schema": {"type": "string", "description": "A data URL."}},
            },
        },
    )  # fmt: skip
    explain = _operation(
        "explain", "Why a picture is one digit and not another",
        {"200": _answer("baseline + sum + residual = difference.", ref("Contrast"))},
        ("400", "404", "422"),
        body=_body(object_of(["image", "why"], model=TEXT, image=IMAGE, why=DIGIT,
                           **{"not": {"type": ["integer", "null"], "minimum": 0, "maximum": 9}})),
    )  # fmt: skip
    weights = object_of(
        ["weights", "biases"], weights=list_of(list_of(NUMBER)), biases=list_of(NUMBER)
    )
    nothing = {"204": {"description": "Done."}}
    steer = {
        name: {"type": "integer" if name == "steps" else "number", "minimum": low, "maximum": high}
        for name, (low, high) in LIMITS.items()
    }
    return {
        "/read": {"post": read},
        "/explain": {"post": explain},
        "/weights/{model}": {"get": _operation(
            "weights", "Softmax regression's weights",
            {"200": _answer("A list of 784 a class.", weights)},
            ("404",), (_MODEL,))},
        "/models": {"get": _operation(
            "models", "All models that are ready",
            {"200": _answer("They.", object_of(["models"], models=list_of(ref("Served"))))})},
        "/models/{model}/answers": {"get": _operation(
            "answers", "What a model makes of MNIST's test pictures, and its score sheet",
            {"200": _answer("It.", ref("Answers"))}, ("404", "422"), (_MODEL,))},
        "/data/{split}/labels": {"get": _operation(
            "labels", "A split's labels, and whose hand it is",
            {"200": _answer("They.", object_of(
                ["labels", "students"], labels=list_of(DIGIT),
                students={"type": ["array", "null"], "items": YES}))}, ("404",), (_SPLIT,))},
        "/data/{split}/images": {"get": _operation(
            "images", f"Pictures of a split, at most {MOST:,}, 784 bytes each, 0 = paper",
            {"200": _answer("Their bytes.", file, "application/octet-stream")}, ("404", "422"),
            (_SPLIT,
             _in_query("from", "The first.", {"type": "integer", "minimum": 0}),
             _in_query("count", "How many.", {"type": "integer", "minimum": 0, "maximum": MOST}),
             _in_query("indices", "Or these, with commas between.", TEXT)))},
        "/tutorial/weights": {"get": _operation(
            "tutorialWeights", "Softmax regression's weights after the tutorial's 1,000 steps",
            {"200": _answer("A list of 784 a class.", weights)})},
        "/training": {"post": _operation(
            "train", "Softmax regression learns, and is watched",
            {"200": _answer(_EVENTS, TEXT, "text/event-stream")}, ("400", "422"),
            body=_body(object_of(
                [], rate=steer["rate"], batch={"type": "integer", "minimum": 1, "maximum": 10_000},
                seed={"type": "integer", "minimum": 0, "maximum": 2**32})))},
        "/training/{run}": {"post": _operation(
            "steer", "Change how a run goes on", nothing, ("400", "404", "422"),
            (_in_path("run", "From its event `start`."),),
            _body({**object_of([], paused=YES, **steer), "additionalProperties": False}))},
        "/corrections": {
            "get": _operation(
                "corrections", "The corrections kept on this machine, the newest first",
                {"200": _answer("They.", object_of(
                    ["corrections", "count"], corrections=list_of(ref("Correction")),
                    count=WHOLE))}, ("422",)),
            "post": _operation(
                "correct", "Keep a correction",
                {"201": _answer("Its number.", object_of(["id"], id=WHOLE))}, ("400", "422"),
                body=_body(object_of(
                    ["image", "label"], image=IMAGE, label=DIGIT,
                    answer={"type": ["integer", "null"], "minimum": 0, "maximum": 9},
                    model={"type": ["string", "null"]})))},
        "/corrections/{id}": {"delete": _operation(
            "forget", "Forget a correction", nothing, ("404", "422"),
            (_in_path("id", "Its number."),))},
        "/corrections.parquet": {"get": _operation(
            "correctionsParquet", "All corrections as Parquet",
            {"200": _answer("The file.", file, "application/vnd.apache.parquet")}, ("422",))},
        "/corrections.zip": {"get": _operation(
            "correctionsIdx", "All corrections as IDX files, zipped",
            {"200": _answer("The file.", file, "application/zip")}, ("422",))},
        "/metrics": {"get": _operation(
            "metrics", "For Prometheus", {"200": _answer("Text.", TEXT, "text/plain")})},
    }  # fmt: skip


@cache
def document() -> Json:
    """Give the document, JSON-ready."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mnistry",
            "version": mnistry.__version__,
            "description": "Handwritten digits to probabilities you can trust, with the evidence "
            "shown. Under /v2 it is the Open Inference Protocol. Bodies may be packed by gzip or "
            "deflate, as their Content-Encoding says.",
        },
        "paths": {**_protocol(), **_first_protocol(), **_own()},
        "components": {
            "schemas": schemas(),
            "responses": {status: _answer(about, ref("Error")) for status, about in _WRONG.items()},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"key": []}],
    }
