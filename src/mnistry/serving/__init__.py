"""HTTP: the Open Inference Protocol, reading pictures, evidence, and a page to draw on.

A request's way: `patience` (the connection) -> `guard` (who, how much, how long) -> `app` (which
answer) -> `infer` or `service` -> the answer's own module: `protocol`, `pictures`, `look`, `live`,
`teach`.
"""
