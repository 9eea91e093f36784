"""EF21 (Richtarik, Sokolov, Fatkhullin 2021, arXiv 2106.05203).

worker i : c_i = C(grad f_i(x) - h_i) ; send c_i ; h_i <- h_i + c_i
everyone : x <- x - gamma avg h_i  (the new h_i; they start at zero)
"""

from ..channels import Channel, track
from ..method import Method, Parameters
from ..rules import descend


def tracking(parameters: Parameters) -> Channel:
    """Return the channel whose memory follows the stream, whatever the parameters."""
    return track()


EF21 = Method(
    name="ef21",
    title="EF21",
    source="Richtarik, Sokolov, Fatkhullin 2021, arXiv 2106.05203",
    parameters=("gamma",),
    uplink=tracking,
    everyone=descend,
)
