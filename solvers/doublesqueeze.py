"""DoubleSqueeze (Tang, Lian, Yu, Zhang, Liu, ICML 2019, arXiv 1905.05957).

    worker i : v_i = g_i + e_i ; send c_i = C_up(v_i) ; e_i <- v_i - c_i
    server   : v = avg c_i + e ; broadcast c = C_down(v) ; e <- v - c
    everyone : x <- x - gamma c

The errors are in gradient units. y = x - gamma (e + avg e_i) follows uncompressed SGD for any compressors.
"""

from .channels import error_feedback
from .method import Method
from .rules import descend, model_less_scaled_errors

DOUBLESQUEEZE = Method(
    word="doublesqueeze",
    title="DoubleSqueeze",
    source="Tang, Lian, Yu, Zhang, Liu 2019, arXiv 1905.05957",
    parameters=("gamma",),
    uplink=lambda p: error_feedback(),
    downlink=lambda p: error_feedback(),
    everyone=descend,
    two_way=True,
    shadow=model_less_scaled_errors,
)
