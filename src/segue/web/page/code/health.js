/** What the server says of itself, asked now and then while the page is looked at. */

const EVERY_MS = 30_000;

export class Health {
  /** @param {{onchange: () => void}} hooks */
  constructor({ onchange }) {
    this.onchange = onchange;
    this.state = null; // ok, degraded, unavailable; null as long as nobody said
    this.plain = {};
  }

  watch() {
    this.look();
    setInterval(() => document.hidden || this.look(), EVERY_MS);
  }

  async look() {
    try {
      const response = await fetch("/voice/health");
      this.plain = await response.json();
      this.state = this.plain.status ?? null;
    } catch {
      this.state = null; // nobody answers: the connection line says so
    }
    this.onchange();
  }

  speaks(language) {
    return this.plain.languages?.includes(language) ?? true;
  }

  get hears() {
    return this.plain.recognition?.ready === true;
  }

  hearsLanguage(language) {
    return this.plain.recognition?.languages?.includes(language) ?? false;
  }

  /** How much audio the server wants a listener to gather first, in ms, or undefined. */
  get cushion_ms() {
    return this.plain.cushion_ms;
  }
}
