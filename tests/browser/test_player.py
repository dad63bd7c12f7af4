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


@pytest.fixture
def kit(visitor: Visitor) -> Visitor:
    """A page with `kit`: a player, tones, and a way to wait."""
    visitor.page.evaluate(PLAYER)
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
          const { context } = player; // its clock is the one that a gap is measured on
          const at = context.currentTime;
          await wait(() => context.currentTime - at > 0.2);
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
