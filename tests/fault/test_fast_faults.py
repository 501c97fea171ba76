#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The part of the fault matrix that is run with every `make test`; the whole is `make torture`."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
os.execv(sys.executable, [sys.executable, os.path.join(HERE, "torture.py"), "--fast", *sys.argv[1:]])
