#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Finds the places of our own source that `vitro explain` names.

source_marks.py OUTPUT ROOT SOURCE ...

A line that ends in the comment /* MARK: name */ becomes a row {name, file, line, text}. A name may
stand once only.
"""
import pathlib
import re
import sys

output, root, *sources = sys.argv[1:]
rows = {}
for source in sources:
    path = pathlib.Path(source)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        m = re.match(r"\s*(.*?)\s*/\* MARK: ([a-z-]+) \*/\s*$", line)
        if not m:
            continue
        text, name = m.groups()
        if name in rows:
            sys.exit(f"{source}:{number}: mark {name} stands twice")
        rows[name] = (str(path.resolve().relative_to(root)), number, text)

with open(output, "w") as out:
    out.write('#include "inspect/source_marks.h"\n\n')
    out.write("const struct source_mark source_marks[] = {\n")
    for name, (file, number, text) in sorted(rows.items()):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        out.write(f'    {{ "{name}", "{file}", {number}, "{escaped}" }},\n')
    out.write("};\n")
    out.write("const unsigned nsource_marks = sizeof(source_marks) / sizeof(source_marks[0]);\n")
