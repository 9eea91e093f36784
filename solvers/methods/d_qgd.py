"""D-QGD : worker i sends C(grad f_i(x)) ; x <- x - gamma avg C(grad f_i(x)) ; the model is broadcast as it is."""

from ..method import Method
from ..rules import descend
from ._khirirat import PAPER
from .q_gd import pseudocode

D_QGD = Method(
    name="d-qgd",
    title="D-QGD",
    source=PAPER,
    parameters=("gamma",),
    everyone=descend,
    transcription=pseudocode,
)
