"""JSON schemas of requests and responses."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def ref(name: str) -> Json:
    """Name a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: Json, count: int | None = None) -> Json:
    """Describe a list, of so many items where that is known."""
    size = {} if count is None else {"minItems": count, "maxItems": count}
    return {"type": "array", "items": items, **size}


def object_of(required: list[str], **properties: Any) -> Json:
    """Describe an object by its properties."""
    return {"type": "object", "properties": properties, "required": required}


NUMBER, WHOLE, TEXT, YES = ({"type": t} for t in ("number", "integer", "string", "boolean"))
DIGIT = {"type": "integer", "minimum": 0, "maximum": 9}
LEVEL = {"type": "integer", "minimum": 0, "maximum": 255}
IMAGE = list_of(LEVEL, 784)
OUTCOME = {"type": "string", "enum": ["digit", "ambiguous", "blank", "not a digit"]}


def schemas() -> Json:
    """Give the document's schemas by name."""
    tensor = object_of(
        ["name", "shape", "datatype"], name=TEXT, shape=list_of(WHOLE), datatype=TEXT
    )
    given = object_of(
        ["name", "shape", "datatype", "data"],
        name={"type": "string", "enum": ["images"]},
        shape=list_of({"type": "integer", "minimum": 0}),
        datatype={"type": "string", "enum": ["UINT8", "FP32", "INT64", "FP16", "BOOL"]},
        data={"type": "array", "description": "Numbers, flat or nested; 0 = paper, 255 = ink."},
    )
    mark = object_of(
        ["digit", "probabilities", "set", "outcome", "typicality", "box"],
        digit={"type": ["integer", "null"], "minimum": 0, "maximum": 9},
        probabilities=list_of(NUMBER, 10), set=list_of(DIGIT), outcome=OUTCOME, typicality=NUMBER,
        box=list_of(WHOLE, 4), image=IMAGE,
    )  # fmt: skip
    reading = object_of(
        ["picture"], picture=TEXT, text=TEXT, probability=NUMBER, outcome=OUTCOME,
        fits={"type": "boolean"}, accepted={"type": "boolean"},
        alternatives=list_of(object_of(["text", "probability"], text=TEXT, probability=NUMBER)),
        digits=list_of(mark), error=TEXT,
    )  # fmt: skip
    side = {"type": "number", "minimum": 1, "maximum": 4000}
    return {
        "Error": object_of(["error"], error=TEXT),
        "Server": object_of(
            ["name", "version", "extensions"], name=TEXT, version=TEXT, extensions=list_of(TEXT)
        ),
        "State": object_of(
            ["name", "version", "state", "reason"],
            name=TEXT, version=TEXT, state=TEXT, reason=TEXT,
        ),
        "Model": object_of(
            ["name", "versions", "platform", "inputs", "outputs"],
            name=TEXT, versions=list_of(TEXT), platform=TEXT, inputs=list_of(tensor),
            outputs=list_of(tensor),
        ),
        "Served": object_of(
            ["name", "kind", "version", "ready", "classes", "shape"],
            name=TEXT, kind=TEXT, version=TEXT, ready=YES, classes=list_of(TEXT),
            shape=list_of(WHOLE, 2), accuracy={"type": ["number", "null"]},
        ),
        "InferRequest": object_of(
            ["inputs"], id=TEXT, inputs=list_of(given, 1),
            outputs=list_of(object_of(
                ["name"], name=TEXT,
                parameters=object_of(
                    [], binary_data=YES,
                    classification={
                        "type": "integer", "minimum": 1,
                        "description": "So many of the highest classes, as BYTES "
                        "`value:index:label`, in place of all numbers.",
                    },
                ),
            )),
        ),
        "InferResponse": object_of(
            ["model_name", "model_version", "outputs"],
            model_name=TEXT, model_version=TEXT, id=TEXT, outputs=list_of(tensor),
        ),
        "Configuration": object_of(
            ["name", "platform", "backend", "max_batch_size", "input", "output"],
            name=TEXT, platform=TEXT, backend=TEXT, max_batch_size=WHOLE,
            input=list_of({"type": "object"}), output=list_of({"type": "object"}),
        ),
        "Statistics": object_of(
            ["model_stats"],
            model_stats=list_of(object_of(
                ["name", "version", "inference_count", "execution_count", "inference_stats"],
                name=TEXT, version=TEXT, last_inference=WHOLE, inference_count=WHOLE,
                execution_count=WHOLE, inference_stats={"type": "object"},
                batch_stats=list_of({"type": "object"}),
            )),
        ),
        "Instances": object_of(
            ["instances"],
            instances={
                "type": "array", "minItems": 1, "items": {"type": "array"},
                "description": "Images, flat or in rows: numbers from 0, paper, to 1, ink, or "
                "whole ones to 255.",
            },
        ),
        "Predictions": object_of(["predictions"], predictions=list_of(list_of(NUMBER))),
        "EncodedImage": object_of(
            ["image"],
            image={"type": "string", "description": "An image file as base64 or a data URL."},
        ),
        "EncodedImages": object_of(
            ["images"],
            images={"type": "array", "items": TEXT, "minItems": 1, "maxItems": 100},
        ),
        "Drawing": object_of(
            ["strokes", "width", "height", "pen"],
            strokes=list_of(list_of(list_of(NUMBER, 2))), width=side, height=side, pen=side,
        ),
        "Readings": object_of(["readings"], readings=list_of(reading)),
        "Contrast": object_of(
            ["why", "not", "map", "baseline", "sum", "difference", "residual", "logits",
             "probabilities"],
            **{"why": DIGIT, "not": {"type": ["integer", "null"]}, "map": list_of(NUMBER),
               "baseline": NUMBER, "sum": NUMBER, "difference": NUMBER, "residual": NUMBER,
               "logits": list_of(NUMBER, 2), "probabilities": list_of(NUMBER, 2)},
        ),
        "Answers": object_of(
            ["labels", "answers", "probabilities", "sheet"], labels=list_of(DIGIT),
            answers=list_of(DIGIT), probabilities=list_of(NUMBER), sheet={"type": "object"},
        ),
        "Correction": object_of(
            ["id", "label", "answer", "model", "at", "image"], id=WHOLE, label=DIGIT,
            answer={"type": ["integer", "null"]}, model={"type": ["string", "null"]}, at=TEXT,
            image=IMAGE,
        ),
    }  # fmt: skip
