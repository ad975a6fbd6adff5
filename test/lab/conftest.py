# SPDX-License-Identifier: BSD-3-Clause
"""One machine with Xen 4.17 for all tests that need no other: each leaves it as it was."""
import pytest
from xenlab import Xen


@pytest.fixture(scope="session")
def xen():
    with Xen() as machine:
        yield machine
