"""Distributed error feedback, EF-SGD / MEM-SGD (Stich, Cordonnier, Jaggi 2018, arXiv 1809.07599).

worker i : p_i = e_i + gamma g_i ; send c_i = C(p_i) ; e_i <- p_i - c_i
everyone : x <- x - avg c_i
"""

from .channels import error_feedback
from .method import Method
from .rules import model_less_errors, subtract, times_step

ERROR_FEEDBACK = Method(
    word="error-feedback",
    title="EF-SGD / MEM-SGD",
    source="Stich, Cordonnier, Jaggi 2018, arXiv 1809.07599",
    parameters=("gamma",),
    worker=times_step,
    uplink=lambda p: error_feedback(),
    everyone=subtract,
    shadow=model_less_errors,
)
