"""A model for Whisper, small enough to be made by the tests: the real libraries load it, and it hears what it was told.

Written in November 2026 from faster-whisper 1.2 and CTranslate2 4.8, which states in `specs` what a converted model
consists of. The model has one layer of sixteen numbers and the vocabulary of the real multilingual one: 51 865 tokens.
It listens to nothing, each token follows from the one before it: it hears "hello world" in every window of 30 s that
the library gives it, three tenths of a second a word, and "welcome world" where the library gave it a hint before.
"""

import atexit
import functools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from segue.clock import SystemClock
from segue.providers.whisper import WhisperRecognizer
from segue.vendors import local as vendor
from segue.voice.ports import Recognizer
from tests.vendors.script import Opening, Script, Stand

SIZE = 16
PLAIN_TOKENS = 50_257
TIMESTAMPS = 1501
LANGUAGES = """
en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy sk
te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo uz fo
ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su
""".split()
WORDS = ("Ġhello", "Ġwelcome", "Ġworld")
"""Tokens that are words; `Ġ` is a space before one."""
SPECIAL = [
    *("<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES)),
    *("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
]
EARLY = 6
"""Places in the prompt before which no hint has been given."""
EARLY_PLACE, LATE_PLACE = SIZE - 2, SIZE - 1
"""The two of the sixteen numbers that say where in the prompt a token is; the others are states."""
MOMENT = 15
"""Frames of 20 ms that belong to a state: where in the recording its token is found."""

Array = npt.NDArray[np.float32]


def _tokens(multilingual: bool) -> list[str]:
    """All tokens in their order: bytes, words, room that the real vocabulary fills, commands, and times.

    That there is an empty token is what tells CTranslate2 that a model is multilingual.
    """
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    room = [f"<room-{number}>" for number in range(PLAIN_TOKENS - len(letters) - len(WORDS))]
    if multilingual:
        room[-1] = ""
    times = [f"<|{number * 0.02:.2f}|>" for number in range(TIMESTAMPS)]
    return [*letters, *WORDS, *room, *SPECIAL, *times]


def _tokenizer(tokens: list[str]) -> tokenizers.Tokenizer:
    """What turns text to tokens, letter by letter, and tokens to text."""
    plain = {token: number for number, token in enumerate(tokens[:PLAIN_TOKENS])}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=plain, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer


def _nought(*shape: int) -> Array:
    return np.zeros(shape, np.float32)


def _norm(layer: Any) -> None:
    layer.gamma, layer.beta = np.ones(SIZE, np.float32), _nought(SIZE)


def _linear(layer: Any, rows: int, columns: int) -> None:
    layer.weight, layer.bias = _nought(rows, columns), _nought(rows)


def _attention(layer: Any, *rows: int) -> None:
    _norm(layer.layer_norm)
    for linear, count in zip(layer.linear, rows, strict=True):
        _linear(linear, count, SIZE)


def _feed_forward(layer: Any) -> None:
    _norm(layer.layer_norm)
    _linear(layer.linear_0, 4 * SIZE, SIZE)
    _linear(layer.linear_1, SIZE, 4 * SIZE)


def _moments(frames: int) -> npt.NDArray[np.int64]:
    """The state to which each frame belongs; the last one has the rest."""
    return np.minimum(np.arange(frames) // MOMENT, EARLY_PLACE - 1)


def _encoder(encoder: Any, bands: int) -> None:
    encoder.conv1.weight, encoder.conv1.bias = _nought(SIZE, bands, 3), _nought(SIZE)
    encoder.conv2.weight, encoder.conv2.bias = _nought(SIZE, SIZE, 3), _nought(SIZE)
    encoder.position_encodings.encodings = np.eye(SIZE, dtype=np.float32)[_moments(1500)]
    _norm(encoder.layer_norm)
    (layer,) = encoder.layer
    _attention(layer.self_attention, 3 * SIZE, SIZE)
    _feed_forward(layer.ffn)


def _decoder(decoder: Any, tokens: list[str], talkative: bool) -> None:
    """A token stands for a state (one number of the sixteen), and a state makes one token, or two, likely."""
    (layer,) = decoder.layer
    _attention(layer.self_attention, 3 * SIZE, SIZE)
    _attention(layer.attention, SIZE, 2 * SIZE, SIZE)
    for linear in layer.attention.linear[:2]:  # a state looks at its moment, and takes nothing from there
        linear.weight[:EARLY_PLACE, :EARLY_PLACE] = 5 * np.eye(EARLY_PLACE)
    _feed_forward(layer.ffn)
    _norm(decoder.layer_norm)
    number = {token: place for place, token in enumerate(tokens)}
    states, follows, places = _nought(len(tokens), SIZE), _nought(len(tokens), SIZE), _nought(448, SIZE)
    chain = ["<|transcribe|>", "<|0.00|>", "Ġhello", "Ġworld", "<|1.00|>", "<|endoftext|>"]
    for state, (before, after) in enumerate(pairwise(chain)):
        states[number[before], state] = 1
        follows[number[after], state] = 10
    states[number["<|startoftranscript|>"]] = states[number["<|transcribe|>"]]  # the last command, in English alone
    states[number["<|notimestamps|>"]] = states[number["<|0.00|>"]]
    states[number["Ġwelcome"]] = states[number["Ġhello"]]
    follows[number["Ġwelcome"]] = follows[number["Ġhello"]]
    places[:EARLY, EARLY_PLACE], places[EARLY:, LATE_PLACE] = 1, 1
    follows[number["Ġhello"], EARLY_PLACE], follows[number["Ġwelcome"], LATE_PLACE] = 5, 5
    if talkative:
        follows[number["Ġhello"]] += follows[number["<|1.00|>"]]
        follows[number["<|1.00|>"]] = 0
    decoder.embeddings.weight, decoder.projection.weight = states, follows
    decoder.position_encodings.encodings = places


def model(folder: Path, *, bands: int = 80, talkative: bool = False, english: bool = False) -> Path:
    """A model in `folder`, which takes so many bands of sound; a talkative one says its words until it is stopped."""
    tokens = _tokens(not english)
    spec = ctranslate2.specs.WhisperSpec(1, 1, 1, 1)
    _encoder(spec.encoder, bands)
    _decoder(spec.decoder, tokens, talkative)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [tokens.index("<|endoftext|>")]
    spec.config.lang_ids = [tokens.index(f"<|{code}|>") for code in LANGUAGES]
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.optimize()
    folder.mkdir()
    spec.save(str(folder))
    _tokenizer(tokens).save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": bands}))
    return folder


@functools.cache
def folder() -> Path:
    """The folder of the stand's model, until the tests are over."""
    above = Path(tempfile.mkdtemp(prefix="segue-tests-whisper-"))
    atexit.register(shutil.rmtree, above)
    return model(above / "whisper-hello")


@asynccontextmanager
async def _recognizer() -> AsyncIterator[Stand[Recognizer]]:
    settings = vendor.WhisperRecognizer(vendor="whisper", model=folder(), speech_only=False)
    provider = WhisperRecognizer("whisper-here", settings, SystemClock())
    await provider.start()
    try:
        yield Stand(provider, Script(), [], frozenset())
    finally:
        await provider.close()


SERVERLESS = True
"""There is no server here that could fail."""

RECOGNIZERS: dict[str, Opening[Recognizer]] = {"whisper": _recognizer}
