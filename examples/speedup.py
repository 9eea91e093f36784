"""The speedup of DoubleSqueeze over the number of workers, with a picture."""

import tersegrad as tg

noisy = "pl:dim=10,noise=gaussian,sigma_sq=100"
up = down = "threshold:level=0.3"
found = tg.speedup("doublesqueeze.nonconvex-tuned", noisy, n=[1, 2, 4, 8, 16], rounds=2000, up=up, down=down)
print(found)
print("slope", found.fit.slope, "ideal", found.ideal)
found.plot().savefig("speedup.png")
