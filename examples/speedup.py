"""
Speedup over the number of workers
==================================

What DoubleSqueeze reaches in 2000 rounds with 1 to 16 workers, beside its bound and the slope -1/2 of a linear speedup.
"""

import tersegrad as tg

noisy = "pl:dim=10,noise=gaussian,sigma_sq=100"
up = down = "threshold:level=0.3"
found = tg.speedup("doublesqueeze.nonconvex-tuned", noisy, n=[1, 2, 4, 8, 16], rounds=2000, up=up, down=down)
print(found)
print("slope", found.fit.slope, "ideal", found.ideal)
found.plot().savefig("speedup.png")
