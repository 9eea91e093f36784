"""
Five methods at equal bits
==========================

Each at the step of its own theorem, until its workers have sent and received two million bits.
"""

import tersegrad as tg

names = ["ef21", "diana", "dore", "error-feedback.nonconvex", "sgd.strongly-convex"]
found = tg.compare(names, "logistic:rows=400,dim=30,reg=0.1", workers=8, bits=2e6)
print(found)
found.plot().savefig("equal_bits.png")
