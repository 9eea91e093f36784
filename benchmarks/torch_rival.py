"""PyTorch: DoubleSqueeze in place on (n, d) tensors, float64; ``torch.topk`` takes all rows at once."""

from __future__ import annotations

from importlib.util import find_spec
from time import perf_counter

from .rival import Outcome, Rival, Runner
from .workloads import Instance


def prepare(instance: Instance, threads: int) -> Runner:
    """Return the runner; there is nothing to compile."""
    import torch

    workload, arrays = instance.workload, instance.quadratic
    n, k, gamma = workload.workers, workload.message, workload.parameters["gamma"]
    hessian, centre = torch.from_numpy(arrays.hessian), torch.from_numpy(arrays.centre)

    @torch.no_grad()
    def run(rounds: int, seed: int) -> Outcome:
        torch.set_num_threads(threads)
        start = perf_counter()
        x = torch.from_numpy(instance.x0.copy())
        errors = torch.zeros((n, x.numel()), dtype=x.dtype)
        server, scratch = torch.zeros_like(x), torch.empty_like(errors)
        for _ in range(rounds):
            torch.sub(x, centre, out=scratch)
            errors.addcmul_(scratch, hessian)
            torch.abs(errors, out=scratch)
            index = torch.topk(scratch, k, dim=1, sorted=False).indices
            value = errors.gather(1, index)
            errors.scatter_(1, index, 0.0)
            server.index_add_(0, index.flatten(), value.flatten(), alpha=1.0 / n)
            index = torch.topk(server.abs(), k, sorted=False).indices
            x.index_add_(0, index, server[index], alpha=-gamma)
            server[index] = 0.0
        return Outcome(perf_counter() - start, x.numpy()[None])

    return run


def version() -> str:
    """Return PyTorch's version."""
    import torch

    return f"torch {torch.__version__}"


RIVAL = Rival(
    name="PyTorch",
    workloads=("W3",),
    missing=lambda: None if find_spec("torch") else "torch is not installed",
    version=version,
    prepare=prepare,
)
