/** What the listener's own device measured, sent once a turn. */

/**
 * @param {import("./turn.js").Turn} turn
 * @param {object} numbers `Player.numbers`
 * @returns {object | null} null when the server gave no token to report with
 */
export function reportOf(turn, numbers) {
  if (!turn.meta?.report_token) return null;
  const first_played_ms = turn.marks.first_played;
  return {
    turn: turn.meta.turn,
    token: turn.meta.report_token,
    first_played_ms: first_played_ms === undefined ? null : round(first_played_ms),
    played_s: round(numbers.played_s),
    underflow_events: numbers.underflow_events,
    underflow_ms: round(numbers.underflow_ms),
    max_gap_ms: round(numbers.max_gap_ms),
    cushion_ms: round(numbers.cushion_ms),
    interrupted_ms: round(numbers.interrupted_ms),
    output_latency_ms: round(numbers.output_latency_ms),
    dropped_packets: numbers.dropped_packets,
    player: numbers.player === "scheduled" ? "scheduled" : "worklet",
    user_agent: browserFamily(navigator.userAgent),
  };
}

/** Hand a report to the browser, which delivers it even when the page is being closed. Returns whether it took it. */
export function send(report) {
  const body = new Blob([JSON.stringify(report)], { type: "application/json" });
  if (navigator.sendBeacon?.("/api/telemetry/voice", body)) return true;
  fetch("/api/telemetry/voice", { method: "POST", body, keepalive: true }).catch(() => {});
  return false;
}

/** The family only: which browser, not which person. */
export function browserFamily(userAgent) {
  if (/firefox|fxios/i.test(userAgent)) return "firefox";
  if (/edg/i.test(userAgent)) return "edge";
  if (/chrom|crios/i.test(userAgent)) return "chromium";
  if (/safari/i.test(userAgent)) return "safari";
  return "other";
}

const round = (number) => Math.round(number * 1000) / 1000;
