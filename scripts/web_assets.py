#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the web page's files into one C file: web_assets.py OUTPUT PAGE.html PAGE.css SCRIPT.js ...

page_html, page_css, page_js are what the server serves. saved_head and saved_tail are the same page in one
piece, with the data to go between them; its policy names the style and the script by their hashes, so that
nothing else in such a file can act.
"""
import base64
import hashlib
import pathlib
import sys


def array(name, text):
    data = text.encode()
    rows = [", ".join(str(b) for b in data[at : at + 24]) for at in range(0, len(data), 24)]
    return (f"const unsigned char {name}[] = {{\n" + ",\n".join(rows) + "\n};\n"
            f"const size_t {name}_len = {len(data)};\n")


def source_hash(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


target, html, css, *scripts = sys.argv[1:]
page = pathlib.Path(html).read_text()
style = pathlib.Path(css).read_text()
script = "'use strict';\n(() => {\n" + "\n".join(pathlib.Path(p).read_text() for p in scripts) + "})();\n"
for text in (style, script):
    assert "</s" not in text.lower(), "would end its element"

icon = '<link rel="icon" href="data:,">\n'
live = page.replace("<!--head-->\n", icon + '<link rel="stylesheet" href="page.css">\n'
                    '<script defer src="page.js"></script>\n').replace("<!--tail-->\n", "")
policy = (f"default-src 'none'; style-src {source_hash(style)}; script-src {source_hash(script)}; "
          "img-src data:; base-uri 'none'; form-action 'none'")
head = page.replace("<!--head-->\n", f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
                    + icon + f"<style>{style}</style>\n")
before, after = head.split("<!--tail-->\n")
with open(target, "w") as out:
    out.write('#include "web/assets.h"\n')
    out.write(array("page_html", live) + array("page_css", style) + array("page_js", script))
    out.write(array("saved_head", before + '<script type="application/json" id="data">'))
    out.write(array("saved_tail", f"</script>\n<script>{script}</script>\n" + after))
