/**
 * `window._voiceStats()` tells everything that was measured, in the console or to a test:
 *
 *     turn        the running or latest turn, or null
 *       turn, variant, voice, model, profile   as the server decided (null before it said so)
 *       provider                               who speaks that voice
 *       generation, language
 *       state              waiting, speaking, done, interrupted, failed
 *       transport          socket, http, null before anything came
 *       ttfa_ms            from the click to the first audio packet
 *       first_played_ms    from the click to the first sound in the ear (output latency included)
 *       played_s, received_s, buffered_ms
 *       underflow_events, underflow_ms, max_gap_ms
 *       gaps               [{at_s, ms, seq, between}]: where in the reply; between two sentences, or inside `seq`
 *       cushion_ms, interrupted_ms, output_latency_ms, dropped_packets, refused_samples
 *       stopped_ms         from the barge-in to silence, null without one
 *       player, context_rate, player_state
 *       timings            the server's, null before its last word
 *       audio_ms, sentences
 *       error              {code, message, retryable} or null
 *       degraded           reasons
 *     totals      turns, completed, interrupted, failed, played_s, underflow_events, underflow_ms, dropped_packets,
 *                 reports_sent: over this page's life
 *     connection  {state, transport, reconnects}
 *     history     time to first audio of the latest 30 turns, in ms, oldest first
 *     server      {model, synthesis, badges, forced_profile, off}: how the server is, as it said last; `off` is why
 *                 spoken replies are switched off (perhaps empty), null while they are on
 */

/** @param {import("./talker.js").Talker} talker @param {import("./conditions.js").Conditions} conditions */
export function statsOf(talker, conditions) {
  const { turn, player, connection } = talker;
  return {
    turn: turn && describe(turn, player.numbers),
    totals: { ...talker.totals },
    connection: { state: connection.state, transport: connection.transport, reconnects: connection.reconnects },
    history: [...talker.history],
    server: {
      model: conditions.stateOf("model"),
      synthesis: conditions.stateOf("synthesis"),
      badges: [...conditions.badges],
      forced_profile: conditions.forcedProfile,
      off: conditions.off,
    },
  };
}

function describe(turn, { state, first_played_at: _at, ...numbers }) {
  return {
    turn: turn.meta?.turn ?? null,
    variant: turn.meta?.variant ?? null,
    voice: turn.meta?.voice ?? null,
    model: turn.meta?.model ?? null,
    profile: turn.meta?.profile ?? null,
    provider: turn.provider,
    generation: turn.generation,
    language: turn.language,
    state: turn.state,
    transport: turn.transport,
    ttfa_ms: turn.ttfa_ms,
    first_played_ms: turn.marks.first_played ?? null,
    ...numbers,
    player_state: state,
    timings: turn.done?.timings ?? null,
    audio_ms: turn.done?.audio_ms ?? null,
    sentences: turn.done?.sentences ?? null,
    error: turn.error && { code: turn.error.code, message: turn.error.message, retryable: turn.error.retryable },
    degraded: turn.degraded.map(({ reason }) => reason),
  };
}
