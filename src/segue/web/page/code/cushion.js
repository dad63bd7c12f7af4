/**
 * How much audio to gather before playing begins.
 *
 * Small to begin with, because every millisecond of it is waited for; larger after each underflow, because a reply
 * that stutters is worse than one that begins a little later; smaller again after a minute without any.
 */
export class Cushion {
  /** @param {{start_ms?: number, step_ms?: number, most_ms?: number, calm_ms?: number}} [limits] all in milliseconds */
  constructor({ start_ms = 120, step_ms = 300, most_ms = 1500, calm_ms = 60_000 } = {}) {
    this.start_ms = start_ms;
    this.step_ms = step_ms;
    this.most_ms = most_ms;
    this.calm_ms = calm_ms;
    this.raised_ms = start_ms;
    this.changed_at = 0;
  }

  /** An underflow happened at `now` (milliseconds on any steady clock). */
  underflow(now) {
    this.raised_ms = Math.min(this.most_ms, this.at(now) + this.step_ms);
    this.changed_at = now;
  }

  /** The cushion at `now`, in milliseconds: one step less for every clean minute. */
  at(now) {
    const calm_minutes = Math.floor((now - this.changed_at) / this.calm_ms);
    return Math.max(this.start_ms, this.raised_ms - calm_minutes * this.step_ms);
  }

  /** Whether underflows have taught this listener to wait longer than at first. */
  isRaised(now) {
    return this.at(now) > this.start_ms;
  }
}
