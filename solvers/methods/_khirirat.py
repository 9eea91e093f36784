"""The paper of Q-GD, D-QGD, Q-IAG and delayed Q-SGD. It minimises sum f_i: its step is gamma/n."""

PAPER = "Khirirat, Feyzmahdavian, Johansson 2018, arXiv 1806.06573"
