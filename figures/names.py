"""The names of methods in print, where they differ from their ids."""

from __future__ import annotations

NAMES: dict[str, str] = {
    "artemis": "Artemis",
    "compressed-gd": "compressed GD",
    "compressed-scaffnew": "CompressedScaffnew",
    "cser": "CSER",
    "d-qgd": "D-QGD",
    "dasha": "DASHA",
    "dgc": "DGC",
    "diana": "DIANA",
    "dist-ef-sgd": "dist-EF-SGD",
    "dmsgd": "DMSGD",
    "dore": "DORE",
    "doublesqueeze": "DoubleSqueeze",
    "econtrol": "EControl",
    "ef-bv": "EF-BV",
    "ef21": "EF21",
    "ef21-bc": "EF21-BC",
    "ef21-p": "EF21-P",
    "ef21-p-diana": "EF21-P + DIANA",
    "ef21-sgdm": "EF21-SGDM",
    "error-feedback": "error feedback",
    "gmc": "GMC",
    "gmc-plus": "GMC+",
    "heavy-ball": "heavy ball",
    "liec": "LIEC",
    "marina": "MARINA",
    "mem-sgd": "MEM-SGD",
    "murana": "MURANA",
    "neolithic": "NEOLITHIC",
    "q-gd": "Q-GD",
    "q-iag": "Q-IAG",
    "qsgd": "QSGD",
    "qsgd-two-way": "QSGD, two ways",
    "scaffnew": "Scaffnew",
    "sgd": "SGD",
    "sgd-momentum": "SGD, momentum",
    "signsgd": "signSGD",
}


def in_print(method: str) -> str:
    """The name of a method in print; its id where there is no other."""
    return NAMES.get(method, method)
