"""
Grids of steps
==============

What a theorem allows, as a table over workers and compressors, and what a run tolerates.
"""

import tersegrad as tg

problem = "logistic:dim=20,reg=0.1"
print(tg.step_table("dore.strongly-convex", problem, n=[4, 16], up=["ternary", "qsgd:levels=4"], down="ternary"))
found = tg.sweep("ef21", problem, "topk:k=2", grid={"gamma": [0.01, 0.1, 1.0]}, workers=4, rounds=500)
print(found)
print("best", found.best)
