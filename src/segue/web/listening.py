"""`POST /api/voice/stt` and `POST /api/telemetry/voice`: what comes from the listener's side."""

from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from segue.telemetry.metrics import Metrics
from segue.voice.plane import VoicePlane
from segue.voice.ports import Transcript
from segue.web.bodies import ReportBody, SttBody, audio_bytes, json_only

_REPORTS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The token was not issued for this turn."},
}


def transcript_fields(transcript: Transcript) -> dict[str, Any]:
    """A transcript as plain values."""
    return {
        "text": transcript.text,
        "language": transcript.language,
        "provider": transcript.provider,
        "duration_s": round(transcript.duration_s, 3),
        "confidence": transcript.confidence,
        "words": [{"word": word.text, "start_s": word.start_s, "end_s": word.end_s} for word in transcript.words],
    }


def router(plane: VoicePlane) -> APIRouter:
    """The route that hears, bound to a voice plane."""
    routes = APIRouter(prefix="/api", tags=["voice"], dependencies=[Depends(json_only)])

    @routes.post("/voice/stt")
    async def stt(body: SttBody) -> dict[str, Any]:
        """Write a recording down. An empty `text` means that no speech was recognized."""
        recording = await plane.hearing.recording(
            audio_bytes(body.audio),
            plane.heard_language(body.language),
            phrases=body.phrases,
            expected=body.expected,
        )
        return transcript_fields(await plane.hearing.hear(recording))

    return routes


def reports(plane: VoicePlane, metrics: Metrics) -> APIRouter:
    """The route that takes reports, bound to a voice plane. It needs no key: each turn's token proves its report."""
    routes = APIRouter(prefix="/api", tags=["voice"], dependencies=[Depends(json_only)])

    @routes.post("/telemetry/voice", status_code=202, responses=_REPORTS)
    async def report(body: ReportBody) -> JSONResponse:
        """Take what a listener's device measured; the first report of a turn counts."""
        report = body.report()
        result, record = await plane.reports.take(report, body.token)
        metrics.observe_report(report, record.variant if record else None, result.value)
        return JSONResponse({"result": result.value}, 202)

    return routes
