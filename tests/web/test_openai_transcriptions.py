"""`/v1/audio/transcriptions` as OpenAI's own client sees it: it hears what `/v1/audio/speech` says.

Free dictation by the embedded recognizer is rough, so these tests look at shapes and times, not at every word.
"""

import io
import json
import wave
from typing import Any

import av
import httpx2
import openai
import pytest

from segue.configuration import OpenAINames
from tests.server import RunningServer

SPOKEN = "Hello. How are you today? I am very well."


@pytest.fixture(scope="module")
def recording(client: openai.OpenAI) -> bytes:
    """A spoken sentence as WAV."""
    return client.audio.speech.create(model="tts-1", voice="alloy", input=SPOKEN, response_format="wav").content


def container(pcm: bytes, kind: str, codec: str) -> bytes:
    """The same speech in another container, at the rate its codec wants."""
    with wave.open(io.BytesIO(pcm)) as source:
        rate = source.getframerate()
        data = source.readframes(30 * rate)
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as target:
        wanted = 48_000 if codec == "libopus" else rate
        stream: Any = target.add_stream(codec, rate=wanted, layout="mono")
        resampler = av.AudioResampler(
            format=stream.format, layout="mono", rate=wanted, frame_size=stream.frame_size or 0
        )
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(data) // 2)
        frame.planes[0].update(data)
        frame.sample_rate = rate
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            target.mux(stream.encode(piece))
        target.mux(stream.encode(None))
    return out.getvalue()


def length_s(recording: bytes) -> float:
    """Playing time of a streamed WAV, whose header does not know it."""
    return (len(recording) - 44) / 2 / 24_000


def test_what_was_spoken_is_written_down(client: openai.OpenAI, recording: bytes) -> None:
    """The default answer is JSON with the text and the seconds that were heard."""
    heard = client.audio.transcriptions.create(model="whisper-1", file=("speech.wav", recording), language="en")
    assert heard.text.strip()
    assert heard.usage is not None
    assert heard.usage.type == "duration"
    assert 0 <= heard.usage.seconds - length_s(recording) < 1.1


@pytest.mark.parametrize(
    ("name", "kind", "codec"),
    [
        ("speech.mp3", "mp3", ""),
        ("speech.flac", "flac", ""),
        ("speech.aac", "aac", ""),
        ("speech.ogg", "opus", ""),
        ("speech.webm", "webm", "libopus"),
        ("speech.m4a", "mp4", "aac"),
    ],
)
def test_every_container_is_read(client: openai.OpenAI, recording: bytes, name: str, kind: Any, codec: str) -> None:
    """What Segue speaks in any format, and what browsers and telephones record, is heard; the length shows it."""
    if codec:
        data = container(recording, kind, codec)
    else:
        data = client.audio.speech.create(model="tts-1", voice="alloy", input=SPOKEN, response_format=kind).content
    heard = client.audio.transcriptions.create(model="whisper-1", file=(name, data), response_format="verbose_json")
    assert heard.text.strip()
    assert abs(heard.duration - length_s(recording)) < 0.15


def test_verbose_json_tells_where(client: openai.OpenAI, recording: bytes) -> None:
    """Segments cover the words in order, within the recording; words come when they are asked for."""
    heard = client.audio.transcriptions.create(
        model="whisper-1",
        file=("speech.wav", recording),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        prompt="A greeting.",
        temperature=0.2,
    )
    assert heard.language == "english"
    assert heard.words
    assert heard.segments
    places = [place for word in heard.words for place in (word.start, word.end)]
    assert places == sorted(places)
    assert 0 <= places[0] < places[-1] <= heard.duration + 0.05
    assert " ".join(segment.text for segment in heard.segments) == " ".join(word.word for word in heard.words)
    assert heard.segments[0].start == places[0]
    assert heard.segments[-1].end == places[-1]

    plain = client.audio.transcriptions.create(
        model="whisper-1", file=("speech.wav", recording), response_format="verbose_json"
    )
    assert plain.words is None
    assert plain.segments


def test_text_and_subtitles(client: openai.OpenAI, recording: bytes) -> None:
    """`text` is the bare text; `srt` and `vtt` are subtitles of it."""
    given: dict[str, Any] = {"model": "whisper-1", "file": ("speech.wav", recording)}
    text = client.audio.transcriptions.create(**given, response_format="text")
    assert text.strip()
    assert text.endswith("\n")
    assert client.audio.transcriptions.create(**given, response_format="srt").startswith("1\n00:00:00,")
    assert client.audio.transcriptions.create(**given, response_format="vtt").startswith("WEBVTT\n\n00:00:00.")


def test_a_transcription_streams(client: openai.OpenAI, recording: bytes) -> None:
    """With `stream` the deltas together are the text of `done`."""
    given: dict[str, Any] = {"model": "gpt-4o-transcribe", "file": ("speech.wav", recording)}
    events = list(client.audio.transcriptions.create(**given, stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert events[0].delta == events[1].text
    assert events[1].text.strip()


def silence(seconds: float) -> bytes:
    """A WAV file of nothing."""
    out = io.BytesIO()
    with wave.open(out, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(16_000)
        target.writeframes(bytes(round(seconds * 32_000)))
    return out.getvalue()


def test_silence_is_an_empty_text(client: openai.OpenAI) -> None:
    """A recording without speech is no error: the text is empty, and there are no segments."""
    heard = client.audio.transcriptions.create(
        model="whisper-1", file=("silence.wav", silence(1)), response_format="verbose_json"
    )
    assert (heard.text, heard.segments, heard.duration) == ("", [], 1.0)


@pytest.mark.parametrize("model", [*OpenAINames().transcription_models, "segue", "pocketsphinx"])
def test_every_transcription_model_name_listens(client: openai.OpenAI, model: str) -> None:
    """OpenAI's names, Segue's own and the provider's mean the configured recognizer."""
    assert client.audio.transcriptions.create(model=model, file=("silence.wav", silence(0.3))).text == ""


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    """A name that does not listen is a 404."""
    with pytest.raises(openai.NotFoundError) as caught:
        client.audio.transcriptions.create(model="tts-1", file=("silence.wav", silence(0.1)))
    assert caught.value.param == "model"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"file": ("page.wav", b"<html>not found</html>")}, "file"),
        ({"file": ("empty.wav", b"")}, "file"),
        ({"language": "uk"}, "language"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"response_format": "json", "timestamp_granularities": ["word"]}, "timestamp_granularities"),
        ({"response_format": "srt", "stream": True}, "response_format"),
        ({"include": ["logprobs"]}, "include"),
        ({"temperature": 2}, "temperature"),
    ],
)
def test_what_cannot_be_served_is_refused(client: openai.OpenAI, fields: dict[str, Any], param: str) -> None:
    """Each mistake is a 400 that says which field to mend."""
    given = {"model": "whisper-1", "file": ("silence.wav", silence(0.1)), **fields}
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(**given)
    assert (caught.value.type, caught.value.param) == ("invalid_request_error", param)


def test_a_form_that_is_none_is_refused(embedded: RunningServer) -> None:
    """JSON, a broken form and a text where the file should be are 400s with OpenAI's error object."""
    url = f"{embedded.url}/v1/audio/transcriptions"
    answers = [
        httpx2.post(url, json={"model": "whisper-1"}),
        httpx2.post(url, content=b"nothing", headers={"content-type": "multipart/form-data; boundary=x"}),
        httpx2.post(url, files={"model": (None, "whisper-1"), "file": (None, "no file")}),
    ]
    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert json.loads(answer.text)["error"]["type"] == "invalid_request_error"
