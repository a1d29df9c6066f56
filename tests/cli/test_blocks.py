#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Translated code under a magnifying glass: run --check-blocks."""
import unittest

from common import ENGINE, OK, USAGE, Case, vitro


class CheckBlocks(Case):
    def test_built_in_guests(self):
        for guest in ("hello", "pages", "hyper-print", "hyper-string"):
            for tier in ("auto", "trans"):
                plain = vitro("run", guest, "-e", "soft", "--tier", "interp", "-q")
                checked = vitro("run", guest, "--check-blocks", "--tier", tier, "-q")
                self.expect(checked, OK)
                self.assertEqual(checked.stdout, plain.stdout)

    def test_engine_is_said(self):
        self.expect(vitro("run", "hello", "--check-blocks"), OK, "only it translates code (--check-blocks)")

    def test_refused(self):
        self.refuse(vitro("run", "hello", "--check-blocks", "--tier", "interp"), USAGE, "tier interp translates nothing")
        self.refuse(vitro("run", "hello", "--check-blocks", "-c", "2"), USAGE, "only with one CPU")
        self.refuse(vitro("run", "hello", "--check-blocks", "-e", "kvm"), ENGINE, "the engine kvm translates nothing")


if __name__ == "__main__":
    unittest.main()
