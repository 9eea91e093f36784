"""The problems of the table, each built once for a file of tests."""

import pytest

from support.problem_table import CASES
from tersegrad.problems import problem


@pytest.fixture(scope="module", params=CASES, ids=[spec for spec, _ in CASES])
def case(request):
    spec, workers = request.param
    return problem(spec, workers)
