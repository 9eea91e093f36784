"""Methods with one thing changed, each of which must be found to be another method.

`OBJECTS` are methods of the library with a field replaced, `EDITS` are changes of their source, `ENGINE_EDITS` of the
kernels that the engine runs for all of them.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from numba import njit

from tersegrad import solvers
from tersegrad.solvers import methods
from tersegrad.solvers.channels import Channel, error_feedback, model_residual, plain, shift, track
from tersegrad.solvers.method import Exchange, Method
from tersegrad.solvers.methods.artemis import ARTEMIS
from tersegrad.solvers.methods.cser import CSER
from tersegrad.solvers.methods.delays import DELAY_ADAPTIVE, IAG, PIAG
from tersegrad.solvers.methods.dgc import DGC
from tersegrad.solvers.methods.diana import DIANA
from tersegrad.solvers.methods.dore import DORE
from tersegrad.solvers.methods.doublesqueeze import DOUBLESQUEEZE, DOUBLESQUEEZE_ASYNC
from tersegrad.solvers.methods.ef21 import EF21
from tersegrad.solvers.methods.ef21_bc import EF21_BC
from tersegrad.solvers.methods.ef21_sgdm import EF21_SGDM
from tersegrad.solvers.methods.ef_bv import EF_BV
from tersegrad.solvers.methods.error_feedback import ERROR_FEEDBACK
from tersegrad.solvers.methods.gmc import GMC_PLUS
from tersegrad.solvers.methods.liec import LIEC
from tersegrad.solvers.methods.marina import MARINA
from tersegrad.solvers.methods.momentum import DMSGD, averaged_momentum, distributed_momentum
from tersegrad.solvers.methods.neolithic import NEOLITHIC
from tersegrad.solvers.methods.q_iag import Q_IAG
from tersegrad.solvers.methods.qsgd import QSGD, QSGD_TWO_WAY
from tersegrad.solvers.rules import identity_rule, no_op
from tersegrad.solvers.signatures import OPTIONS, flat
from tersegrad.validation.variants import add_up


@njit(**OPTIONS)
def half_as_far_again(ctx, params, x, v, states, common):
    """x <- x - 1.5 gamma v."""
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_x[j] -= 1.5 * params[0] * flat_v[j]


@njit(**OPTIONS)
def far_away(ctx, params, x, v, states, common):
    """x <- 1e40."""
    flat_x = flat(x)
    for j in range(flat_x.size):
        flat_x[j] = 1e40


@njit(**OPTIONS)
def descend_without_prox(ctx, params, x, v, states, common):
    """x <- x - gamma v."""
    flat_x, flat_v = flat(x), flat(v)
    for j in range(flat_v.size):
        flat_x[j] -= params[0] * flat_v[j]


@njit(**OPTIONS)
def one_report_older(ctx, params, x, v, states, common):
    """v <- the gradient of the report before."""
    flat_v, kept = flat(v), flat(states[0])
    for j in range(flat_v.size):
        now = flat_v[j]
        flat_v[j] = kept[j]
        kept[j] = now


@njit(**OPTIONS)
def memory_of_the_server_alone(ctx, params, x, v, states, common):
    """v <- h + avg Q, h <- h + alpha avg Q: the workers subtract nothing."""
    flat_v, h = flat(v), flat(states[0])
    for j in range(flat_v.size):
        mean = flat_v[j]
        flat_v[j] = h[j] + mean
        h[j] += params[3] * mean


def common_coins(parameters, compressor):
    """The same coins for all workers."""
    return replace(compressor, seed="shared") if compressor.name == "randk" else compressor


OBJECTS: dict[str, Method] = {
    "error memory dropped, up": replace(DOUBLESQUEEZE, uplink=lambda p: plain()),
    "error memory dropped, down": replace(DOUBLESQUEEZE, downlink=lambda p: plain()),
    "error memory of the asynchronous server dropped": replace(DOUBLESQUEEZE_ASYNC, downlink=lambda p: plain()),
    "error memory a little forgetful": replace(ERROR_FEEDBACK, uplink=lambda p: error_feedback(0.999)),
    "LIEC without compensation": replace(LIEC, sent=no_op),
    "LIEC without averaging": replace(LIEC, special=None, special_when=""),
    "LIEC's full round leaves the error": replace(
        LIEC, special=replace(LIEC.special, downlink=lambda p: plain())
    ),
    "CSER without reset": replace(CSER, special=None, special_when=""),
    "CSER's reset in place of the round": replace(CSER, special_adds=False),
    "sum for average": replace(DOUBLESQUEEZE, server=add_up),
    "step 1.5 times": replace(DIANA, everyone=half_as_far_again),
    "leaves at once": replace(DIANA, everyone=far_away),
    "prox skipped": replace(QSGD, everyone=descend_without_prox),
    "prox skipped, asynchronous": replace(PIAG, everyone=descend_without_prox),
    "reports one older": replace(IAG, worker=one_report_older, states=(1, 0, 0)),
    "coins common to all workers": replace(QSGD, wrap=common_coins),
    "alpha for the server's memory alone": replace(
        DIANA, uplink=lambda p: plain(), server=memory_of_the_server_alone, states=(0, 1, 0)
    ),
    "alpha halved": replace(DIANA, uplink=lambda p: shift(p["alpha"] / 2)),
    "the new memory in the estimate": replace(
        DIANA, uplink=lambda p: Channel(lam=p["alpha"], nu=1 + p["alpha"], memory=True)
    ),
    "memory of the uplink dropped": replace(ARTEMIS, uplink=lambda p: plain()),
    "memory never moved": replace(EF21, uplink=lambda p: Channel(lam=0.0, memory=True)),
    "lambda and nu exchanged": replace(EF_BV, uplink=lambda p: Channel(lam=p["nu"], nu=p["lam"], memory=True)),
    "memories not exact in the first round": replace(EF21_BC, special=None, special_when=""),
    "downlink without memory": replace(EF21_BC, downlink=lambda p: plain()),
    "momentum without its first round": replace(EF21_SGDM, special=None, special_when=""),
    "beta missing": replace(DORE, downlink=lambda p: model_residual(1.0, p["eta"])),
    "eta missing": replace(DORE, downlink=lambda p: model_residual(p["beta"], 0.0)),
    "eta with the wrong sign": replace(DORE, downlink=lambda p: model_residual(p["beta"], -p["eta"])),
    "momentum twice": replace(DGC, everyone=distributed_momentum, states=(2, 0, 1)),
    "the coin tossed once": replace(MARINA, special_when="first"),
    "heads leave the last gradients alone": replace(MARINA, special=replace(MARINA.special, worker=identity_rule)),
    "heads leave the estimate alone": replace(MARINA, special=replace(MARINA.special, server=identity_rule)),
    "not detached": replace(GMC_PLUS, models="", local=identity_rule),
    "one sample": replace(NEOLITHIC, samples=None),
    "compressed once": replace(NEOLITHIC, wrap=None),
    "broadcast uncompressed": replace(QSGD_TWO_WAY, down="identity"),
    "late reports at full weight": replace(DELAY_ADAPTIVE, server=identity_rule),
    "reports pile up": replace(Q_IAG, sent=no_op),
    "memories start at the first gradients": replace(
        DIANA, special=Exchange(uplink=lambda p: track(), everyone=DIANA.everyone, up="identity"), special_when="first"
    ),
    "another momentum": replace(DMSGD, everyone=averaged_momentum),
}  # fmt: skip


class Edit(NamedTuple):
    """A change of a method's source: the file, the method, the text and what takes its place."""

    file: str
    method: str
    text: str
    instead: str


EDITS = (
    Edit("artemis", "artemis", 'shift(p["alpha"])', 'shift(1.01 * p["alpha"])'),
    Edit("cser", "cser", "e[j] -= rest[j]", "e[j] += rest[j]"),
    Edit("cser", "cser", "flat_x[j] += flat_v[j] - kept[j]", "flat_x[j] += flat_v[j] + kept[j]"),
    Edit("cser", "cser", "e[j] -= flat_c[j]", "e[j] = 0.0"),
    Edit("dasha", "dasha", "flat_v[j] += kept * e[j]", "flat_v[j] += params[3] * e[j]"),
    Edit("dasha", "dasha", "e[j] = kept * e[j] + flat_c[j] - flat_v[j]", "e[j] = flat_c[j] - flat_v[j]"),
    Edit("delays", "delay-adaptive", "flat_v[j] *= n / age", "flat_v[j] *= n / (age + 1)"),
    Edit("delays", "delay-adaptive", "if age > n:", "if age > 2 * n:"),
    Edit("dgc", "dgc", "if flat_c[j] != 0.0:", "if flat_c[j] == 0.0:"),
    Edit("dgc", "dgc", "            u[j] = 0.0", "            u[j] *= 0.5"),
    Edit("dist_ef_sgd", "dist-ef-sgd", "flat_v[j] += b * m[j]", "flat_v[j] = m[j]"),
    Edit("doublesqueeze", "doublesqueeze", "    two_way=True,\n    shadow=model_less_sc", "    shadow=model_less_sc"),
    Edit("ef21_norm", "ef21-norm", "gamma * v[r, j] / length", "gamma * v[r, j] / total"),
    Edit("ef21_norm", "ef21-norm", "length = largest * np.sqrt(total)", "length = np.sqrt(total)"),
    Edit("ef21_sgdm", "ef21-sgdm", "else params[3]", "else 1.0 - params[3]"),
    Edit("ef21_sgdm", "ef21-sgdm", "eta = 1.0 if ctx[SPECIAL] == 1", "eta = 0.5 if ctx[SPECIAL] == 1"),
    Edit("ef21p", "ef21-p", "flat_v[j] = model[j]", "flat_v[j] = model[j] + 1e-6 * gamma"),
    Edit("ef21p", "ef21-p-diana", "Channel(lam=1.0,", "Channel(eta=1.0, lam=1.0, error=True,"),
    Edit("error_feedback", "mem-sgd", "params[3] + ctx[ROUND])", "params[3] + ctx[ROUND] + 1)"),
    Edit("gmc", "gmc", "flat_v[j] += beta * d[j]", "flat_v[j] += d[j]"),
    Edit("gmc", "gmc-decreasing", "params[SHIFT] + ctx[ROUND]), flat(x)", "params[SHIFT] + ctx[ROUND] + 1), flat(x)"),
    Edit("gmc", "gmc-plus", "flat_v[j] - factor * e[j]", "flat_v[j] + factor * e[j]"),
    Edit("q_iag", "q-iag", "        h[j] = sent\n", "        h[j] += sent\n"),
    Edit("q_iag", "q-iag", "gbar[j] += flat_v[j]", "gbar[j] += 0.5 * flat_v[j]"),
    Edit("liec", "liec", "gamma * (flat_v[j] + rest[j])", "gamma * (flat_v[j] - rest[j])"),
    Edit("liec", "liec", 'eta=-p["gamma"]', "eta=-1.0"),
    Edit("marina", "marina", "        last[j] = gradient\n", ""),
    Edit("marina", "marina", "estimate[j] += flat_v[j]", "estimate[j] += 0.9 * flat_v[j]"),
    Edit("momentum", "heavy-ball", "        before[j] = flat_x[j]\n        flat_x[j] += move",
         "        flat_x[j] += move\n        before[j] = flat_x[j]"),
    Edit("momentum", "momentum", "1.0 - params[3], x", "1.0, x"),
    Edit("momentum", "sgd-momentum", "0.5 * (ctx[ROUND] + 1)", "0.5 * ctx[ROUND]"),
    Edit("murana", "murana", 'nu=p["beta"]', "nu=1.0"),
    Edit("signsgd", "signsgd", "if flat_v[j] >= 0.0:", "if flat_v[j] > 0.0:"),
)  # fmt: skip


def changed(source: Path, text: str, instead: str, folder: Path) -> ModuleType:
    """A module from a changed copy of its file, at home in the same package; the text stands there exactly once."""
    original = source.read_text()
    assert original.count(text) == 1, f"{text!r} is there {original.count(text)} times"
    path = folder / source.name
    path.write_text(original.replace(text, instead))
    package = "tersegrad." + ".".join(source.relative_to(Path(solvers.__path__[0]).parent).parent.parts)
    name = f"{package}.changed_{source.stem}_{folder.name.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    return module


def edited(edit: Edit, folder: Path) -> Method:
    """The method that a changed file defines; its transcription, in the same file, is as it was."""
    source = Path(methods.__path__[0]) / f"{edit.file}.py"
    module = changed(source, edit.text, edit.instead, folder)
    return next(m for m in vars(module).values() if isinstance(m, Method) and m.name == edit.method)


#: Changes of the engine itself: a file of `solvers`, which of the kernels that its loop calls, and the text; and a
#: method that shows it.
ENGINE_EDITS = (
    ("channels.py", "send", "flat_e[j] = flat_v[j] - flat_c[j]", "flat_e[j] = flat_v[j]", "error-feedback"),
    ("channels.py", "send", "flat_v[j] += eta * flat_e[j]", "flat_v[j] += flat_e[j]", "dore"),
    ("channels.py", "send", "flat_v[j] -= flat_h[j]", "flat_v[j] -= 0.5 * flat_h[j]", "ef21"),
    ("random.py", "add_noise", "flat_g[j] += sd * z[j]", "flat_g[j] += 0.9 * sd * z[j]", "sgd"),
    ("random.py", "philox", "uint64(index[m]), uint64(rnd)", "uint64(index[m]), uint64(0)", "diana"),
    ("random.py", "to_uniforms", "= (float(w3[m]) + 0.5)", "= 2.0**32 - (float(w3[m]) + 0.5)", "diana"),
)
