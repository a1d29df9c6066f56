# SPDX-License-Identifier: MIT
"""Shapes of docs/control.schema.json: what is written there of values, checked against values."""


def _is(name, value):
    if name.startswith('"'):
        return value == name.strip('"')
    return {"integer": lambda: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda: isinstance(value, (int, float)) and not isinstance(value, bool),
            "boolean": lambda: isinstance(value, bool),
            "string": lambda: isinstance(value, str),
            "null": lambda: value is None}[name]()


def problems(shape, value, where=""):
    """What of the value is not as the shape says; a list of lines."""
    if isinstance(shape, dict) and set(shape) == {"null or"}:
        return [] if value is None else problems(shape["null or"], value, where)
    if isinstance(shape, str):
        return [] if any(_is(n, value) for n in shape.split("|")) else [f"{where}: {value!r} is no {shape}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no list"]
        return [p for i, v in enumerate(value) for p in (problems(shape[0], v, f"{where}[{i}]") if shape else
                                                         [f"{where}: not empty"])]
    if not isinstance(value, dict):
        return [f"{where}: {value!r} is no object"]
    names = {n.rstrip("?"): s for n, s in shape.items()}
    found = [f"{where}.{n}: not in the schema" for n in value if n not in names]
    found += [f"{where}.{n}: missing" for n in shape if not n.endswith("?") and n not in value]
    return found + [p for n, v in value.items() if n in names for p in problems(names[n], v, f"{where}.{n}")]
