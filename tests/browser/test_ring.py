"""The ring on the audio thread, rendered offline: sample for sample, while time stands still when it is told to."""

import pytest

from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RING = """
async () => {
  const { STREAM_RATE } = await import("/code/packet.js");
  // Render a ring offline: `script` is a list of [seconds, message]; returns the samples that came out.
  window.rendered = async (rate, length_s, script) => {
    const context = new OfflineAudioContext(1, Math.round(rate * length_s), rate);
    await context.audioWorklet.addModule("/code/ring.js");
    const node = new AudioWorkletNode(context, "segue-ring", {
      numberOfInputs: 0, outputChannelCount: [1], processorOptions: { streamRate: STREAM_RATE },
    });
    node.connect(context.destination);
    const statuses = [];
    node.port.onmessage = ({ data }) => statuses.push([...data]);
    const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
    for (const at of new Set(script.map(([time]) => time))) {
      const tell = async () => {
        for (const [time, message] of script) if (time === at) node.port.postMessage(message);
        await settled(); // offline time stands still meanwhile
      };
      if (at === 0) await tell();
      else context.suspend(at).then(tell).then(() => context.resume());
    }
    const buffer = await context.startRendering();
    await settled();
    return { samples: buffer.getChannelData(0), statuses };
  };
}
"""


@pytest.fixture
def kit(visitor: Visitor) -> Visitor:
    """A page with `rendered`: what a ring makes of a script of messages."""
    visitor.page.evaluate(RING)
    return visitor


def test_the_ring_plays_at_its_own_rate_sample_for_sample(kit: Visitor) -> None:
    """At 24 kHz every sample comes out as it went in, after a rise of 64 frames at the start."""
    wrong = kit.page.evaluate(
        """async () => {
          const wave = Int16Array.from({ length: 12000 }, (_, at) => 9000 * Math.sin(at / 9));
          const { samples, statuses } = await rendered(24000, 0.6, [
            [0, { kind: "turn", generation: 1, cushion_s: 0.1, patient: false }],
            [0, { kind: "pcm", generation: 1, samples: wave, sentenceEnd: true }],
            [0, { kind: "end", generation: 1 }],
          ]);
          const first = Math.round(statuses.at(-1)[4] * 24000);
          let worst = 0;
          for (let at = 64; at < wave.length; at += 1) {
            worst = Math.max(worst, Math.abs(samples[first + at] - wave[at] / 32768));
          }
          const after = samples.slice(first + wave.length).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          return { worst, after };
        }"""
    )
    assert wrong["worst"] < 1e-7
    assert wrong["after"] == 0


@pytest.mark.parametrize("rate", [44100, 48000])
def test_the_ring_resamples_where_the_device_has_another_rate(kit: Visitor, rate: int) -> None:
    """A 440 Hz tone stays one: as long, as loud, at the right pitch, and at least 50 dB above what is not it."""
    heard = kit.page.evaluate(
        """async (rate) => {
          const wave = Int16Array.from({ length: 24000 }, (_, at) => 16000 * Math.sin((Math.PI * 440 * at) / 12000));
          const { samples, statuses } = await rendered(rate, 1.2, [
            [0, { kind: "turn", generation: 1, cushion_s: 0.1, patient: false }],
            [0, { kind: "pcm", generation: 1, samples: wave, sentenceEnd: true }],
            [0, { kind: "end", generation: 1 }],
          ]);
          // Fit a sine of 440 Hz to the middle of it; what is left over is noise.
          const from = Math.round(rate * 0.2), length = Math.round(rate * 0.5);
          let sine = 0, cosine = 0, power = 0;
          for (let at = 0; at < length; at += 1) {
            const turn = (2 * Math.PI * 440 * at) / rate;
            sine += samples[from + at] * Math.sin(turn);
            cosine += samples[from + at] * Math.cos(turn);
            power += samples[from + at] ** 2;
          }
          const tone = (2 * (sine ** 2 + cosine ** 2)) / length;
          const last = samples.findLastIndex((value) => Math.abs(value) > 1e-4);
          return { snr_db: 10 * Math.log10(tone / Math.max(1e-12, power - tone)), length_s: last / rate,
                   amplitude: Math.sqrt((2 * tone) / length), played: statuses.at(-1)[2], events: statuses.at(-1)[5] };
        }""",
        rate,
    )
    assert heard["snr_db"] > 50
    assert heard["amplitude"] == pytest.approx(16000 / 32768, rel=0.01)
    assert heard["length_s"] == pytest.approx(1.0, abs=0.01)
    assert (heard["played"], heard["events"]) == (24000, 0)


def test_running_dry_and_clearing_fade_instead_of_clicking(kit: Visitor) -> None:
    """The steepest step between two samples is about that of the tone itself: at a gap, at its end, at a clear."""
    steps = kit.page.evaluate(
        """async () => {
          const wave = (length) => Int16Array.from({ length }, (_, at) => 16000 * Math.cos((Math.PI * at) / 60));
          const { samples, statuses } = await rendered(24000, 1.6, [
            [0, { kind: "turn", generation: 1, cushion_s: 0.1, patient: false }],
            [0, { kind: "pcm", generation: 1, samples: wave(7200), sentenceEnd: false }],
            [0.5, { kind: "pcm", generation: 1, samples: wave(19200), sentenceEnd: true }],
            [1.1, { kind: "clear", generation: 1 }],
          ]);
          let worst = 0;
          for (let at = 1; at < samples.length; at += 1) {
            worst = Math.max(worst, Math.abs(samples[at] - samples[at - 1]));
          }
          const loudest = (from, to) => samples.slice(from * 24000, to * 24000)
            .reduce((most, value) => Math.max(most, Math.abs(value)), 0);
          return { worst, gap: loudest(0.35, 0.49), second: loudest(0.6, 1.0), cleared: loudest(1.12, 1.6),
                   events: statuses.at(-1)[5], starved_s: statuses.at(-1)[6] };
        }"""
    )
    within = 16000 / 32768 * 2 * 3.1416 * 200 / 24000
    assert steps["worst"] < within * 1.6
    assert steps["second"] == pytest.approx(16000 / 32768, rel=0.01)
    assert steps["gap"] == 0
    assert steps["cleared"] == 0
    assert steps["events"] == 1
    assert steps["starved_s"] == pytest.approx(0.2, abs=0.02)


def test_gaps_close_together_are_one_event(kit: Visitor) -> None:
    """Two gaps with less than 40 ms of sound between them are one to the ear, and one in the count."""
    near, far = kit.page.evaluate(
        """async () => {
          const wave = (ms) => new Int16Array(ms * 24).fill(3000);
          const play = async (between) => {
            const { statuses } = await rendered(24000, 1.4, [
              [0, { kind: "turn", generation: 1, cushion_s: 0.02, patient: false }],
              [0, { kind: "pcm", generation: 1, samples: wave(200), sentenceEnd: false }],
              [0.3, { kind: "pcm", generation: 1, samples: wave(between), sentenceEnd: false }],
              [0.6, { kind: "pcm", generation: 1, samples: wave(200), sentenceEnd: true }],
              [0.6, { kind: "end", generation: 1 }],
            ]);
            return { events: statuses.at(-1)[5], starved_s: statuses.at(-1)[6] };
          };
          return [await play(30), await play(100)];
        }"""
    )
    assert (near["events"], far["events"]) == (1, 2)
    assert near["starved_s"] == pytest.approx(far["starved_s"] + 0.07, abs=0.02)


def test_what_is_missing_while_the_page_is_hidden_is_an_interruption(kit: Visitor) -> None:
    """A hidden page may be slow to be fed; that is counted apart and never as an underflow."""
    status = kit.page.evaluate(
        """async () => {
          const wave = (ms) => new Int16Array(ms * 24).fill(3000);
          const { statuses } = await rendered(24000, 1, [
            [0, { kind: "turn", generation: 1, cushion_s: 0.02, patient: false }],
            [0, { kind: "hidden", hidden: true }],
            [0, { kind: "pcm", generation: 1, samples: wave(200), sentenceEnd: false }],
            [0.4, { kind: "pcm", generation: 1, samples: wave(200), sentenceEnd: true }],
            [0.4, { kind: "end", generation: 1 }],
          ]);
          const last = statuses.at(-1);
          return { events: last[5], starved_s: last[6], interrupted_s: last[10] };
        }"""
    )
    assert (status["events"], status["starved_s"]) == (0, 0)
    assert status["interrupted_s"] == pytest.approx(0.2, abs=0.02)


def test_playing_begins_with_the_cushion_or_the_end_or_after_a_second_and_a_half(kit: Visitor) -> None:
    """Too little audio is gathered for at most 1.5 s; a reply known to be whole begins at once."""
    started = kit.page.evaluate(
        """async () => {
          const wave = (ms) => new Int16Array(ms * 24).fill(3000);
          const play = async (...script) => {
            const { statuses } = await rendered(24000, 2, [
              [0, { kind: "turn", generation: 1, cushion_s: 0.5, patient: true }], ...script]);
            return statuses.findLast((status) => !Number.isNaN(status[4]))?.[4] ?? null;
          };
          const pcm = (ms, sentenceEnd = false) => ({ kind: "pcm", generation: 1, samples: wave(ms), sentenceEnd });
          return {
            cushion: await play([0, pcm(200)], [0.5, pcm(400)]),
            whole: await play([0, pcm(200)], [0, { kind: "end", generation: 1 }]),
            sentence: await play([0, pcm(200, true)]),
            sentence_at_first: await play(
              [0, { kind: "cushion", cushion_s: 0.5, patient: false }], [0, pcm(200, true)]),
          };
        }"""
    )
    assert started["cushion"] == pytest.approx(0.5, abs=0.02)
    assert started["whole"] == pytest.approx(0, abs=0.02)
    assert started["sentence"] == pytest.approx(1.5, abs=0.02)
    assert started["sentence_at_first"] == pytest.approx(0, abs=0.02)
