/** The conversation column: what was asked, what is answered, and which sentence is in the ear just now. */

import { hasWords, say, words } from "./words.js";

export class Conversation {
  /** @param {{log: HTMLElement, scroll: HTMLElement, empty: HTMLElement}} places @param {{onagain, onedit}} hooks */
  constructor({ log, scroll, empty }, { onagain, onedit }) {
    this.log = log;
    this.scroll = scroll;
    this.empty = empty;
    this.onagain = onagain;
    this.onedit = onedit;
    this.views = new Map(); // Turn → its elements
  }

  /** A turn begins: the listener's words (or the recording) and room for the reply. */
  add(turn) {
    this.empty.hidden = true;
    const asked = build("article", "asked");
    asked.lang = turn.language;
    name(asked, "conversation.you");
    const words = asked.appendChild(build("p", "words"));
    if (turn.text) words.textContent = turn.text;
    else say(words, "conversation.recording");
    const reply = build("article", "reply");
    reply.lang = turn.language;
    name(reply, "conversation.reply");
    reply.setAttribute("aria-busy", "true");
    reply.dataset.state = turn.state;
    const text = reply.appendChild(build("p", "words"));
    const asides = reply.appendChild(build("ul", "asides"));
    const foot = reply.appendChild(build("footer", "foot"));
    this.log.append(asked, reply);
    this.views.set(turn, { words, reply, text, asides, foot, sentences: new Map(), saying: null });
    this.#toEnd(true);
  }

  /** Forget everything; the empty state comes back. */
  clear() {
    this.views.clear();
    this.log.replaceChildren();
    this.empty.hidden = false;
  }

  /** Bring a turn's texts up to date. */
  show(turn) {
    const view = this.views.get(turn);
    if (!view) return;
    if (turn.heard && view.words.dataset.text) {
      delete view.words.dataset.text;
      view.words.textContent = turn.heard;
    }
    const atEnd = this.#isAtEnd();
    for (const [seq, text] of turn.sentences) {
      let sentence = view.sentences.get(seq);
      if (!sentence) {
        sentence = build("span", "sentence");
        sentence.dataset.seq = seq;
        view.sentences.set(seq, sentence);
        const [, before, after] = /^(\s*)[^]*?(\s*)$/.exec(text);
        view.text.append(before, sentence, after);
      }
      if (sentence.textContent !== text.trim()) sentence.textContent = text.trim();
    }
    for (const degraded of turn.degraded.slice(view.asides.childElementCount)) view.asides.append(aside(degraded));
    view.reply.dataset.state = turn.state;
    if (!turn.isActive) view.reply.removeAttribute("aria-busy");
    this.#toEnd(atEnd);
  }

  /** Light the sentence that is heard now; those before it have been said. */
  light(turn, seq) {
    const view = this.views.get(turn);
    if (!view || seq === view.saying) return;
    view.saying = seq;
    for (const [known, sentence] of view.sentences) {
      sentence.classList.toggle("saying", known === seq);
      if (seq !== null && known <= seq) sentence.classList.add("said");
    }
    const sentence = view.sentences.get(seq);
    if (sentence && this.#isNearEnd()) sentence.scrollIntoView({ block: "nearest" });
  }

  /** The turn is over: its figures, and in words what went wrong if something did. */
  close(turn, numbers) {
    const view = this.views.get(turn);
    if (!view) return;
    const nearEnd = this.#isNearEnd();
    this.show(turn);
    if (turn.state === "done") for (const sentence of view.sentences.values()) sentence.classList.add("said");
    for (const sentence of view.sentences.values()) sentence.classList.remove("saying");
    view.foot.replaceChildren();
    if (turn.state === "interrupted") this.#note(view, "status.interrupted");
    if (turn.ttfa_ms !== null) this.#figure(view, "reply.figures", { time: { ms: turn.ttfa_ms } });
    if (numbers.underflow_events > 0) this.#figure(view, "reply.underflows", { count: numbers.underflow_events });
    if (turn.error && turn.state === "failed") this.#explain(turn, view);
    this.#toEnd(nearEnd || turn.state === "failed");
  }

  #note(view, key) {
    const note = view.foot.appendChild(build("span", "note"));
    say(note, key);
  }

  #figure(view, key, values) {
    const figure = view.foot.appendChild(build("span", "figure"));
    say(figure, key, values);
  }

  #explain(turn, view) {
    const card = build("div", "trouble");
    card.setAttribute("role", "alert");
    const sentence = card.appendChild(build("p"));
    say(sentence, troubleKey(turn.error.code));
    if (turn.error.message) {
      const detail = card.appendChild(build("p", "detail"));
      detail.lang = "en";
      detail.textContent = turn.error.message;
    }
    const actions = card.appendChild(build("p", "actions"));
    const offer = (key, act) => {
      const button = actions.appendChild(build("button", "plain"));
      button.type = "button";
      say(button, key);
      button.addEventListener("click", act);
    };
    if (turn.text && turn.error.retryable) offer("action.again", () => this.onagain(turn));
    if (turn.text) offer("action.edit", () => this.onedit(turn));
    if (!turn.text) actions.remove();
    view.reply.append(card);
  }

  #isAtEnd() {
    return this.#fromEnd() < 40;
  }

  #isNearEnd() {
    return this.#fromEnd() < 200;
  }

  #fromEnd() {
    return this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight;
  }

  #toEnd(wanted) {
    if (wanted) this.scroll.scrollTop = this.scroll.scrollHeight;
  }
}

/** The badge of a degraded event; hovering shows the server's own sentence. */
export function badge(degraded) {
  return told(build("span", "badge"), degraded);
}

/** The quiet line under a reply that says the same. */
function aside(degraded) {
  return told(build("li", "aside"), degraded);
}

function told(element, degraded) {
  const known = `degraded.${degraded.reason}`;
  say(element, hasWords(known) ? known : "badge.degraded");
  element.title = degraded.message || degraded.reason;
  return element;
}

/** The key of the words for an error code. */
export function troubleKey(code) {
  return hasWords(`error.${code}`) ? `error.${code}` : "error.other";
}

function build(tag, className = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return element;
}

function name(element, key) {
  element.dataset.label = key;
  element.setAttribute("aria-label", words(key));
}
