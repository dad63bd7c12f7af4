"""The player on its own: its counting, its ring, its cushion. Packets are made in the page, nothing is replaced."""

import pytest

from segue.voice.frames import Audio
from segue.web.talk import packet
from tests.browser.conftest import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLAYER = """
async () => {
  const { Player } = await import("/code/player.js");
  const wait = (until) => new Promise((resolve) => {
    const look = () => (until() ? resolve() : setTimeout(look, 5));
    look();
  });
  const tone = (ms, frequency = 300) =>
    Int16Array.from({ length: ms * 24 }, (_, at) => 8000 * Math.sin((2 * Math.PI * frequency * at) / 24000));
  const start = async (options = {}) => {
    const player = new Player(options);
    await player.unlock();
    player.begin(1);
    return player;
  };
  window.kit = { Player, wait, tone, start };
}
"""

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
    """A page with `kit`: a player, tones, and a way to wait."""
    visitor.page.evaluate(PLAYER)
    visitor.page.evaluate(RING)
    return visitor


def test_a_stall_is_counted_as_one_underflow_where_it_was(kit: Visitor) -> None:
    """A stream that stops in mid-sentence and goes on is one event inside it, as long as the silence was."""
    numbers = kit.page.evaluate(
        """async () => {
          const { wait, tone, start } = kit;
          const player = await start();
          player.packet({ generation: 1, seq: 0, pcm: tone(300) });
          await wait(() => player.numbers.state === "starving");
          const at = performance.now();
          await wait(() => performance.now() - at > 200);
          player.packet({ generation: 1, seq: 0, pcm: tone(300), lastOfSentence: true, end: true });
          await wait(() => player.numbers.state === "ended");
          return player.numbers;
        }"""
    )
    assert numbers["underflow_events"] == 1
    assert numbers["underflow_ms"] >= 150
    assert numbers["max_gap_ms"] == numbers["underflow_ms"]
    assert numbers["played_s"] == pytest.approx(0.6)
    (gap,) = numbers["gaps"]
    assert gap["at_s"] == pytest.approx(0.3)
    assert (gap["seq"], gap["between"]) == (0, False)
    assert numbers["cushion_ms"] == 420


def test_a_stall_between_sentences_is_told_from_one_inside(kit: Visitor) -> None:
    """The gap belongs to the sentence that came late."""
    (gap,) = kit.page.evaluate(
        """async () => {
          const { wait, tone, start } = kit;
          const player = await start();
          player.packet({ generation: 1, seq: 4, pcm: tone(200), lastOfSentence: true });
          await wait(() => player.numbers.state === "starving");
          player.packet({ generation: 1, seq: 5, pcm: tone(600), lastOfSentence: true, end: true });
          await wait(() => player.numbers.state === "ended");
          return player.numbers.gaps;
        }"""
    )
    assert (gap["seq"], gap["between"]) == (5, True)


@pytest.mark.parametrize("plain", [False, True], ids=["worklet", "scheduled"])
def test_no_underflow_at_the_end_even_if_the_end_is_told_late(kit: Visitor, plain: bool) -> None:
    """A wait after which nothing more comes was no gap in the reply, whenever the end marker arrives."""
    numbers = kit.page.evaluate(
        """async (plain) => {
          const { wait, tone, start } = kit;
          const player = await start({ plain });
          player.packet({ generation: 1, seq: 0, pcm: tone(200), lastOfSentence: true });
          await wait(() => player.numbers.state === "starving");
          player.packet({ generation: 1, seq: 0, pcm: new Int16Array(0), end: true });
          await wait(() => player.numbers.state === "ended");
          return player.numbers;
        }""",
        plain,
    )
    assert (numbers["underflow_events"], numbers["underflow_ms"]) == (0, 0)
    assert numbers["played_s"] == pytest.approx(0.2, abs=0.001)


def test_the_fallback_counts_a_stall_too(kit: Visitor) -> None:
    """Scheduled sources notice by the clock what the ring notices by the sample."""
    numbers = kit.page.evaluate(
        """async () => {
          const { wait, tone, start } = kit;
          const player = await start({ plain: true });
          player.packet({ generation: 1, seq: 0, pcm: tone(200) });
          await wait(() => player.numbers.state === "starving");
          const at = performance.now();
          await wait(() => performance.now() - at > 200);
          player.packet({ generation: 1, seq: 0, pcm: tone(200), lastOfSentence: true, end: true });
          await wait(() => player.numbers.state === "ended");
          return player.numbers;
        }"""
    )
    assert numbers["player"] == "scheduled"
    assert numbers["underflow_events"] == 1
    assert numbers["underflow_ms"] >= 150
    assert numbers["played_s"] == pytest.approx(0.4, abs=0.001)


def test_a_page_that_is_busy_at_the_start_has_no_underflow(kit: Visitor) -> None:
    """What delays the first sound is time to first audio, never a gap; the fallback keeps to that too."""
    numbers = kit.page.evaluate(
        """async () => {
          const { wait, tone, start } = kit;
          const player = await start({ plain: true });
          const { context } = player;
          const createBuffer = context.createBuffer.bind(context);
          context.createBuffer = (...values) => {
            const end = performance.now() + 60;
            while (performance.now() < end);
            return createBuffer(...values);
          };
          player.packet({ generation: 1, seq: 0, pcm: tone(400), lastOfSentence: true, end: true });
          await wait(() => player.numbers.state === "ended");
          return player.numbers;
        }"""
    )
    assert (numbers["underflow_events"], numbers["gaps"]) == (0, [])
    assert numbers["played_s"] == pytest.approx(0.4, abs=0.001)


def test_a_clear_is_no_underflow_and_late_packets_are_dropped_and_counted(kit: Visitor) -> None:
    """After a clear nothing of that generation is played; the next generation is."""
    before, after = kit.page.evaluate(
        """async () => {
          const { wait, tone, start } = kit;
          const player = await start();
          player.packet({ generation: 1, seq: 0, pcm: tone(2000) });
          await wait(() => player.numbers.played_s > 0.1);
          player.clear();
          await wait(() => player.numbers.stopped_ms !== null);
          player.packet({ generation: 1, seq: 0, pcm: tone(500) });
          const before = player.numbers;
          player.begin(2);
          player.packet({ generation: 1, seq: 1, pcm: tone(500), end: true });
          player.packet({ generation: 2, seq: 0, pcm: tone(200), lastOfSentence: true, end: true });
          await wait(() => player.numbers.state === "ended");
          return [before, player.numbers];
        }"""
    )
    assert (before["state"], before["dropped_packets"], before["underflow_events"]) == ("cleared", 1, 0)
    assert before["played_s"] < 2
    assert (after["dropped_packets"], after["underflow_events"]) == (1, 0)
    assert after["played_s"] == pytest.approx(0.2)


def test_a_reply_that_arrives_at_once_waits_for_its_turn_and_loses_nothing(kit: Visitor) -> None:
    """A minute of speech in one burst does not fit the ring: the rest is held back until there is room."""
    numbers = kit.page.evaluate(
        """async () => {
          const { wait, tone, start } = kit;
          const player = await start();
          for (let seq = 0; seq < 12; seq += 1) player.packet({ generation: 1, seq, pcm: tone(5000), end: seq === 11 });
          await wait(() => player.numbers.played_s > 0.5);
          const numbers = player.numbers;
          player.clear();
          return numbers;
        }"""
    )
    assert numbers["received_s"] == 60
    assert numbers["buffered_ms"] / 1000 + numbers["played_s"] == pytest.approx(60)
    assert numbers["refused_samples"] == 0


def test_what_is_held_back_follows_in_order_and_without_a_seam(kit: Visitor) -> None:
    """The 13 seconds of a ramp come out as they went in, though the ring holds less than eleven."""
    numbers, wrong = kit.page.evaluate(
        """async () => {
          const { Player, wait } = kit;
          const { WorkletOutput } = await import("/code/worklet.js");
          const length = 13 * 24000;
          const ramp = Int16Array.from({ length }, (_, at) => (at % 60000) - 30000);
          const player = await kit.start();
          // Look over the shoulder of the output: what it is given, in which order.
          const given = [];
          const write = player.output.write.bind(player.output);
          player.output.write = (samples, end) => { given.push(samples.slice()); write(samples, end); };
          player.packet({ generation: 1, seq: 0, pcm: ramp.slice(), end: true });
          await wait(() => player.numbers.state === "ended");
          let at = 0, wrong = 0;
          for (const samples of given) for (const sample of samples) wrong += sample !== ramp[at++];
          return [player.numbers, wrong + Math.abs(at - length)];
        }"""
    )
    assert wrong == 0
    assert (numbers["played_s"], numbers["underflow_events"], numbers["refused_samples"]) == (13, 0, 0)


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


def test_the_cushion_grows_with_underflows_and_shrinks_in_clean_minutes(kit: Visitor) -> None:
    """120 ms, 300 more for each underflow up to 1.5 s, one step less for each clean minute."""
    cushions = kit.page.evaluate(
        """async () => {
          const { Cushion } = await import("/code/cushion.js");
          const cushion = new Cushion();
          const seen = [cushion.at(0)];
          for (let now = 0; now < 6; now += 1) { cushion.underflow(now); seen.push(cushion.at(now)); }
          for (const minutes of [0.9, 1.1, 2.1, 10]) seen.push(cushion.at(minutes * 60000));
          return seen;
        }"""
    )
    assert cushions == [120, 420, 720, 1020, 1320, 1500, 1500, 1500, 1200, 900, 120]


def test_a_suspended_context_asks_for_a_tap_and_is_an_interruption(kit: Visitor) -> None:
    """When the browser stops the audio the page asks to be tapped, and the time counts as interrupted, not starved."""
    asked, numbers = kit.page.evaluate(
        """async () => {
          const { wait, tone, start } = kit;
          const asked = [];
          const player = await start({ onblocked: (blocked) => asked.push(blocked) });
          player.packet({ generation: 1, seq: 0, pcm: tone(600), end: true });
          await wait(() => player.numbers.played_s > 0.1);
          await player.context.suspend();
          await wait(() => asked.length === 1);
          const at = performance.now();
          await wait(() => performance.now() - at > 150);
          player.unlock();
          await wait(() => player.numbers.state === "ended");
          return [asked, player.numbers];
        }"""
    )
    assert asked == [True, False]
    assert numbers["interrupted_ms"] >= 150
    assert numbers["underflow_events"] == 0
    assert numbers["played_s"] == pytest.approx(0.6)


def test_a_packet_that_is_none_is_refused(kit: Visitor) -> None:
    """Another version, half a header or half a sample: the page says so instead of playing noise."""
    refused = kit.page.evaluate(
        """async () => {
          const { readPacket } = await import("/code/packet.js");
          const packet = (length, version = 1) => {
            const buffer = new ArrayBuffer(length);
            if (length) new Uint8Array(buffer)[0] = version;
            return buffer;
          };
          return [packet(0), packet(27), packet(29), packet(30, 2), packet(30)].map((buffer) => {
            try { readPacket(buffer); return false; } catch (error) { return error instanceof RangeError; }
          });
        }"""
    )
    assert refused == [True, True, True, True, False]


def test_the_page_reads_the_packets_the_server_writes(kit: Visitor) -> None:
    """Header and PCM survive the way from `segue.web.talk` to the page."""
    frame = Audio("0123456789abcdef" * 2, 7, 300, "p", "m", "v", "stable", b"\x01\x02\xff\xff", 0.1, True)
    read = kit.page.evaluate(
        """async (bytes) => {
          const { readPacket } = await import("/code/packet.js");
          const packet = readPacket(Uint8Array.from(bytes).buffer);
          return { ...packet, pcm: [...packet.pcm] };
        }""",
        list(packet(frame, 65535, first=True)),
    )
    assert read == {
        "generation": 65535,
        "seq": 7,
        "part": 300,
        "turn": frame.turn,
        "first": True,
        "lastOfSentence": True,
        "end": False,
        "resumed": False,
        "pcm": [0x0201, -1],
    }
