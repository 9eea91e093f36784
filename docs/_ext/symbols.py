"""What the letters of the statements mean: a table for all theorems, and those that a theorem uses in its own way."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from tersegrad.theory import Theorem

SYMBOLS = {
    "n": "number of workers",
    "x": r"the model, a vector of $\mathbb{R}^d$; $x^t$ after $t$ rounds, $x^\star$ a minimiser",
    r"\bar x": "an average: of the iterates, or of the workers' models",
    r"\hat x": "the model that everyone holds, which the server updates by compressed differences",
    "x_i": "the point at which worker $i$ computes",
    "f": r"the objective, $f = \frac{1}{n}\sum_i f_i$; $f^\star$ its minimum",
    "f_i": "the loss on worker $i$'s data",
    "f_{ij}": r"the loss of worker $i$'s sample $j$, $f_i = \frac{1}{m}\sum_j f_{ij}$",
    "g_i": "worker $i$'s gradient estimate",
    "g_0": r"$\frac{1}{n}\sum_i\|\nabla f_i(x^0)\|^2$ is $g_0$ (the constant grad0_sq)",
    "h_i": "worker $i$'s memory of its gradients",
    "e": "the server's error: what its broadcasts have lost so far",
    "e_i": "worker $i$'s error: what its messages have lost so far",
    "t": "a round",
    "T": "number of rounds",
    "C": "a compressor",
    r"\mathbb{E}": "expectation over samples and coins",
    "L": "smoothness of $f$",
    "L_i": "smoothness of $f_i$",
    "L_j": "smoothness of $f$ along coordinate $j$",
    "L_1": r"$\sum_j L_j$, the sum of the coordinatewise smoothness constants of $f$",
    "L_s": "smoothness of the loss of every sample",
    r"L_{\max}": r"largest of the $L_i$",
    r"\tilde L": r"$(\frac{1}{n}\sum_i L_i^2)^{1/2}$",
    r"\bar L": r"$\frac{1}{n}\sum_i L_i$",
    r"\rho_L": r"largest sum of the $L_i$ of workers whose gradients share a coordinate",
    r"\mu": "strong convexity of $f$",
    r"\mu_{PL}": r"Polyak-Lojasiewicz constant: $\|\nabla f\|^2 \ge 2\mu_{PL}(f-f^\star)$",
    r"\sigma": "standard deviation of one worker's gradient noise",
    r"\sigma_\star": r"standard deviation of the noise at $x^\star$, in the mean square over the workers",
    r"\sigma_j": "standard deviation of the noise in coordinate $j$",
    r"\sigma_1": r"$\sum_j \sigma_j$",
    r"\zeta": r"how much workers differ: $\frac{1}{n}\sum_i\|\nabla f_i(x)-\nabla f(x)\|^2 \le \zeta^2$ at every $x$",
    r"\zeta_\star": r"how workers differ at the solution: $\zeta_\star^2 = \frac{1}{n}\sum_i\|\nabla f_i(x^\star)\|^2$",
    r"\Delta": r"$f(x^0)-f^\star$",
    r"\Delta_\star": r"$f^\star-\frac{1}{n}\sum_i\inf f_i$",
    "R_0": r"$\|x^0-x^\star\|$",
    "R": "the regulariser, handled by its proximal map",
    "G": r"bound on the gradients: $\mathbb{E}\|g_i\|^2 \le G^2$",
    "U": r"bound on the memory, in the mean square",
    "V": r"bound on the workers' errors, in the mean square",
    r"\gamma": "step size",
    r"\gamma_t": "step size of round $t$",
    r"\alpha": "step of the memories",
    r"\beta": "momentum; for DORE, the step with which the model follows the broadcasts",
    r"\eta": "how much of the server's error is fed back",
    r"\lambda": "factor on the compressed message",
    r"\nu": "factor on the memory's average",
    r"\theta": "parameter of the proof, of Young's inequality",
    r"\tau": "bound on the delay in rounds: age of a gradient when it is used",
    r"\delta": r"contraction of the compressor: $\mathbb{E}\|C(v)-v\|^2 \le (1-\delta)\|v\|^2$",
    r"\delta_u": r"contraction of the workers' compressor: $\mathbb{E}\|C(v)-v\|^2 \le (1-\delta_u)\|v\|^2$",
    r"\delta_d": "contraction of the server's compressor",
    r"\omega": r"variance of an unbiased compressor: $\mathbb{E}C(v)=v$, $\mathbb{E}\|C(v)-v\|^2 \le \omega\|v\|^2$",
    r"\omega_u": r"variance of the workers' unbiased compressor: $\mathbb{E}\|C(v)-v\|^2 \le \omega_u\|v\|^2$",
    r"\omega_d": "variance of the server's unbiased compressor",
    r"\omega_{av}": r"variance of the average of the workers' messages ($\omega/n$ with independent coins)",
    r"\varepsilon_u": r"absolute error of the workers' compressor: $\mathbb{E}\|C(v)-v\|^2 \le \varepsilon_u^2$",
    r"\varepsilon_d": "absolute error of the server's compressor",
    "H": "period of the full (or error-resetting) rounds",
    "M": "messages that make a step",
    "a": "shift of the decreasing step, or of the weights",
    "b": "momentum of the averaged form: $m^+ = bm+(1-b)g$",
    "c": "parameter of the proof: weight of the memories",
    "p": "probability of a round with exact gradients",
    "q": "the vector that the server compresses",
    "s": "number of workers whose gradients can share a coordinate (the constant overlap)",
    "v": "a vector that is compressed",
    "w": "the model that the workers hold, a compressed copy of the server's",
    "w_i": "worker $i$'s copy of the server's model",
    "w_t": "weights of the average",
    "y": "the virtual iterate: the model, less what the messages have lost so far",
    "x_j": "coordinate $j$ of a point",
    "y_j": "coordinate $j$ of a point",
    "h": "a memory",
    "h_{ij}": "worker $i$'s memory of the gradient of its sample $j$",
    "K_c": r"growth of a message, as the setting says",
    r"\varepsilon": r"bound on what both compressors lose, as the setting says",
    "C_1": "bound on the gradients' mean: $C_1 = \\frac{1}{n}\\sum_i c_i$",
    "C_2": "bound on the gradients' mean square: $C_2 = \\frac{1}{n}\\sum_i c_i^2$",
    "g_L": r"gradients at the start: $g_L^2 = \frac{1}{n}\sum_i\frac{1}{L_i}\|\nabla f_i(x^0)\|^2$",
    "S_i": r"the coordinates on which $f_i$ depends",
    "c_i": r"bound on worker $i$'s gradients: $\|\nabla f_i(x)\| \le c_i$",
    "C_u": "the workers' compressor",
    "C_{h,y}": "the worker's compressor, with the memory and the point that it knows",
    r"\gamma_{t-1}": "step size of the round before",
    "m": "number of workers, from the fastest on",
    "H_m": r"harmonic mean of the $m$ smallest $\tau_i$",
    r"\tau_i": "seconds that a gradient takes worker $i$, at most",
    "s_T": "seconds after $T$ rounds",
    "t_R": "seconds in which $R$ updates are done",
    "t_B": "seconds in which $B$ messages are there",
    "u_T": "seconds in which $T$ updates are done",
}
"""LaTeX -> meaning, in the order in which they are listed."""

OWN: dict[str, dict[str, str]] = {
    "khirirat.*": {
        "a": r"second moment of the compressor: $\mathbb{E}\|C(v)\|^2 \le a\|v\|^2$, $a = 1+\omega$",
    },
    "error-feedback.*": {r"\alpha": "parameter of the proof, above 4"},
    "e*.tight": {"L": "smoothness of every $f_i$", r"\mu": "strong convexity of every $f_i$"},
    "ef21.tight-unequal": {
        "q": r"$\sqrt{1-\delta}$, the relative error that $C$ may make",
        r"\bar s": "mean of the $s_i = L_i + \\mu_i$",
        r"s_{\min}": "smallest of the $s_i$",
        r"s_{\max}": "largest of the $s_i$",
        "s_i": r"$L_i + \mu_i$",
        r"\mu_i": "strong convexity of $f_i$",
        "K_1": "how unequal the curvatures of the workers are, worker by worker",
        "K_2": "the same of their means",
        "z": "the unknown of the cubic",
        r"\rho": "contraction of a round: the largest root of the cubic",
    },
    "ef21-norm.*": {"s": r"$\sqrt{1-\delta}$"},
    "scaffnew.*": {"p": "probability of the coin that makes the workers communicate"},
    "compressed-scaffnew.*": {
        "p": "probability of the coin that makes the workers communicate",
        "s": "how many workers send a coordinate",
        r"\eta": "damping of the control variates, for what the masks leave out",
    },
    "marina-p.*": {
        "p": "probability of a round in which the server sends the model as it is",
        r"\omega_{av}": "variance of the mean of the server's messages of one vector",
    },
    "*-rr.*": {
        r"\mu": "strong convexity of the loss of every sample",
        "m": "number of samples of every worker, and of rounds of an epoch",
    },
    "dasha.*": {r"\alpha": "how much of the error of its last estimate a worker corrects"},
    "dist-ef-sgd.*": {"b": "momentum"},
    "murana.*": {
        "b": "parameter of the proof, above 1",
        r"\lambda": "step of the memories",
        r"\beta": "step with which the model follows the broadcasts",
    },
    "gmc-plus.*": {r"\lambda": "how far a worker moves the point at which it computes by its error"},
    "gmc*": {r"\beta": "global momentum"},
    "heavy-ball.*": {r"\beta": "momentum"},
    "dore.*": {r"\beta": "step with which the model follows the broadcasts"},
    "diana.strongly-convex": {"M": "parameter of the proof: weight of the memories"},
    "ef-bv.*": {
        r"\eta": r"bias of the compressor: $\|\mathbb{E}C(x)-x\| \le \eta\|x\|$",
        r"\omega": r"variance of the compressor: $\mathbb{E}\|C(x)-\mathbb{E}C(x)\|^2 \le \omega\|x\|^2$",
        r"\omega_{av}": "variance of the average of the workers' messages",
    },
    "ef21-sgdm.*": {r"\eta": "step of the workers' averages of their gradients (momentum)"},
    "liec.*": {"w": "largest growth of a message: $\\mathbb{E}\\|C_u(v)\\|^2 \\le w\\|v\\|^2$"},
    "econtrol.*": {r"\eta": "how much of the worker's error is fed back"},
    "ringmaster.*": {"R": "messages that are as many steps old are dropped"},
    "rennala.*": {"B": "messages that make a step"},
    "signsgd.*": {"R": "samples that a round averages", "y": "a second point"},
    "neolithic.*": {"R": "messages of a round", "T": "number of messages"},
    "3pc.*": {
        "y": "a second point: where the gradient was taken before",
        "A": "parameter of the proof: contraction of the memory's error",
        "B": "parameter of the proof: how much a move of the point adds to it",
    },
}
"""Pattern of a theorem's name -> letters that mean something of their own there; the first pattern that fits counts."""

FORMULA = re.compile(r"\\\[(.*?)\\\]|\$(.*?)\$", re.DOTALL)
INDEX = r"(?:_(?:\{[^}]*\}|\\[A-Za-z]+|[A-Za-z0-9]))?"
SYMBOL = re.compile(rf"(?:\\(?:hat|tilde|bar)\s*\{{?[A-Za-z]\}}?|\\[A-Za-z]+|[A-Za-z]){INDEX}")
COMMAND = re.compile(
    r"\\(Big|big|left|right|frac|sqrt|le|ge|ne|approx|max|min|inf|sum|nabla|star|mathbb|langle|rangle|exp|ln|log|dots|to|in)"
    r"|\\(infty|quad|cdot|times)"
)
SKIPPED = re.compile(r"\\sum_(?:\{[^}]*\}|\w)|\\mathbb\{(?!E)\w\}|\\mathrm\{\w+\}")


def used(statement: str) -> list[str]:
    """The symbols of a statement, in the order of the table."""
    found = set()
    for formula in FORMULA.finditer(statement):
        text = SKIPPED.sub(" ", formula[1] or formula[2])
        for match in SYMBOL.finditer(text):
            symbol = re.sub(r"\\(hat|tilde|bar)\s*\{?([A-Za-z])\}?", r"\\\1 \2", match[0])
            if symbol == "E":
                found.add(r"\mathbb{E}")
            elif not COMMAND.fullmatch(symbol.partition("_")[0]) and symbol not in ("i", "j", "d", "O"):
                found.add(symbol)
    order = list(SYMBOLS)
    return sorted(found, key=lambda symbol: (order.index(symbol) if symbol in SYMBOLS else len(order), symbol))


def meanings(theorem: Theorem) -> list[tuple[str, str]]:
    """(symbol, meaning) of every symbol of a theorem that its statement does not define itself.

    Raises
    ------
    KeyError
        For a symbol that nothing explains.
    """
    defined = {symbol for symbol, _ in theorem.definitions}
    own: dict[str, str] = {}
    for pattern, letters in OWN.items():
        own = {**letters, **own} if fnmatchcase(theorem.name, pattern) else own
    known = SYMBOLS | own
    symbols = [symbol for symbol in used(theorem.statement) if symbol not in defined]
    for symbol in symbols:
        if symbol not in known:
            raise KeyError(f"{theorem.name} uses {symbol}, which docs/_ext/symbols.py does not explain")
    return [(symbol, known[symbol]) for symbol in symbols]
