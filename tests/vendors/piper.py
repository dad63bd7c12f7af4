"""Voices for Piper, small enough to be made by the tests: the real library loads them, and they hum.

A voice of Piper is an ONNX graph that makes sound of numbered phonemes, and a JSON file about it. Written in November
2026 from piper-tts 1.8: the inputs `input`, `input_lengths` and `scales` (noise, length, noise of lengths), `sid` where
a voice has several speakers, and one output. These graphs hum at 200 Hz, and a number higher for the next speaker, for
the same time for every phoneme.
"""

import atexit
import functools
import json
import math
import shutil
import string
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from segue.clock import SystemClock
from segue.providers.piper import PiperSynthesizer
from segue.vendors import local as vendor
from segue.voice.ports import Synthesizer
from tests.vendors.script import Opening, Script, Stand

RATE = 22_050
S_PER_PHONEME = 0.03
HERTZ = 200
PHONEMES = "_^$ !'(),-.:;?" + string.ascii_lowercase + "æçðøħŋœβθχˈˌːˑ˞ʲ" + "".join(map(chr, range(0x250, 0x2B0)))
"""What eSpeak NG writes sounds with, after the marks for padding, beginning and end."""
LANGUAGES = {"en": "en-us", "uk": "uk", "ru": "ru", "zh": "cmn"}
"""Names of eSpeak NG's voices, whose phonemes Piper uses, by language."""


def constant(name: str, value: Any, kind: Any = np.float32) -> onnx.NodeProto:
    """A node that is a number or an array."""
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value, dtype=kind)))


def tone(length: str, hertz: str, rate: int, effort: int = 0) -> list[onnx.NodeProto]:
    """Nodes that make `tone`: so many samples (a float, by name) at a pitch (the same), after `effort` idle rounds.

    A round multiplies two matrices, which takes about a millisecond; the engine can be stopped between two rounds.
    """
    nodes = [
        constant("nothing", 0, np.int64),
        constant("single", 1, np.int64),
        constant("radians", 2 * math.pi / rate),
        constant("loudness", 0.3),
    ]
    if effort:
        nodes += _rounds(length, effort)
        length = "worked"
    return [
        *nodes,
        helper.make_node("Cast", [length], ["samples"], to=TensorProto.INT64),
        helper.make_node("Range", ["nothing", "samples", "single"], ["places"]),
        helper.make_node("Cast", ["places"], ["times"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["radians", hertz], ["step"]),
        helper.make_node("Mul", ["times", "step"], ["phases"]),
        helper.make_node("Sin", ["phases"], ["waves"]),
        helper.make_node("Mul", ["waves", "loudness"], ["tone"]),
    ]


def _rounds(length: str, effort: int) -> list[onnx.NodeProto]:
    """Work that changes nothing: `worked` is `length`, later."""
    state = helper.make_tensor_value_info("state", TensorProto.FLOAT, [400, 400])
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "weights"], ["next"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "round",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            state,
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [400, 400]),
        ],
    )
    return [
        constant("rounds", effort, np.int64),
        constant("begin", True, np.bool_),
        constant("weights", np.eye(400)),
        constant("blank", np.zeros((400, 400))),
        helper.make_node("Add", ["blank", length], ["before"]),
        helper.make_node("Loop", ["rounds", "begin", "before"], ["after"], body=body),
        helper.make_node("ReduceMax", ["after"], ["worked"], keepdims=0),
    ]


Shape = list[int | str]


def save(nodes: Sequence[onnx.NodeProto], inputs: dict[str, tuple[int, Shape]], shape: Shape, path: Path) -> Path:
    """Write a graph to a file; each input has a type and a shape, and the output of the last node is the graph's."""
    given = [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()]
    graph = helper.make_graph(
        nodes, "hum", given, [helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, shape)]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
    return path


def voice(
    path: Path, espeak: str = "en-us", *, rate: int = RATE, speakers: Sequence[str] = (), effort: int = 0
) -> Path:
    """A voice at `path`, which ends in `.onnx`, with its JSON file beside it."""
    inputs: dict[str, tuple[int, Shape]] = {
        "input": (TensorProto.INT64, [1, "phonemes"]),
        "input_lengths": (TensorProto.INT64, [1]),
        "scales": (TensorProto.FLOAT, [3]),
    }
    nodes = [
        constant("second", 1, np.int64),
        constant("each", S_PER_PHONEME * rate),
        constant("shape", [1, 1, -1], np.int64),
        constant("lowest", HERTZ),
        helper.make_node("Cast", ["input_lengths"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scales", "second"], ["slowness"]),
        helper.make_node("Mul", ["count", "each"], ["normal"]),
        helper.make_node("Mul", ["normal", "slowness"], ["lengths"]),
        helper.make_node("ReduceMax", ["lengths"], ["length"], keepdims=0),
    ]
    if speakers:
        inputs["sid"] = (TensorProto.INT64, [1])
        nodes += [
            helper.make_node("Cast", ["sid"], ["speaker"], to=TensorProto.FLOAT),
            constant("apart", HERTZ),
            helper.make_node("Mul", ["speaker", "apart"], ["higher"]),
            helper.make_node("Add", ["higher", "lowest"], ["pitch"]),
        ]
    nodes += tone("length", "pitch" if speakers else "lowest", rate, effort)
    nodes.append(helper.make_node("Reshape", ["tone", "shape"], ["output"]))
    save(nodes, inputs, [1, 1, "samples"], path)
    about = {
        "audio": {"sample_rate": rate},
        "espeak": {"voice": espeak},
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "num_symbols": 256,
        "num_speakers": max(1, len(speakers)),
        "speaker_id_map": {name: number for number, name in enumerate(speakers)},
        "phoneme_id_map": {phoneme: [number] for number, phoneme in enumerate(PHONEMES)},
    }
    path.with_name(path.name + ".json").write_text(json.dumps(about))
    return path


@functools.cache
def voices() -> dict[str, vendor.PiperVoice]:
    """A voice for each language, at different rates; the files are there until the tests are over."""
    folder = Path(tempfile.mkdtemp(prefix="segue-piper-"))
    atexit.register(shutil.rmtree, folder)
    return {
        f"hum-{code}": vendor.PiperVoice(
            path=voice(folder / f"{code}-hum-low.onnx", espeak, rate=16_000 if code == "uk" else RATE), language=code
        )
        for code, espeak in LANGUAGES.items()
    }


@asynccontextmanager
async def _synthesizer() -> AsyncIterator[Stand[Synthesizer]]:
    settings = vendor.PiperSynthesizer(vendor="piper", voices=voices())
    provider = PiperSynthesizer("piper-here", settings, SystemClock())
    await provider.start()
    try:
        yield Stand(provider, Script(), [], frozenset())
    finally:
        await provider.close()


SERVERLESS = True
"""There is no server here that could fail."""

SYNTHESIZERS: dict[str, Opening[Synthesizer]] = {"piper": _synthesizer}
