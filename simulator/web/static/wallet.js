// The wallet: a click taps a card, pressing holds it, dragging leaves it at the reader until it is taken away.

const HOLD_AFTER_MS = 350;
const DRAG_AFTER_PX = 8;
const AIR = "M4 5a9 9 0 0 1 0 12M9 2a14 14 0 0 1 0 18";

export class Wallet {
  #list;
  #held;
  #reader;
  #link;
  #cards = new Map();

  constructor({ list, held, reader, link }) {
    this.#list = list;
    this.#held = held;
    this.#reader = reader;
    this.#link = link;
  }

  show(cards) {
    this.#cards = new Map(cards.map((card) => [card.name, card]));
    this.#list.replaceChildren(...cards.map((card) => this.#item(this.#walletCard(card))));
  }

  /** Which cards are at the reader now, by name. */
  showHeld(names) {
    const shown = new Map([...this.#held.children].map((item) => [item.dataset.card, item]));
    for (const [name, item] of shown) if (!names.includes(name)) item.remove();
    for (const name of names) if (!shown.has(name)) this.#held.append(this.#heldCard(name));
    for (const card of this.#list.querySelectorAll(".card")) {
      card.setAttribute("aria-pressed", names.includes(card.dataset.card));
    }
  }

  #item(card) {
    const item = document.createElement("li");
    item.dataset.card = card.dataset.card;
    item.append(card);
    return item;
  }

  #heldCard(name) {
    const card = drawCard(this.#cards.get(name));
    card.setAttribute("aria-label", `Take ${this.#cards.get(name).title} away`);
    card.addEventListener("click", () => this.#link.send({ type: "remove", card: name }));
    return this.#item(card);
  }

  #walletCard(facts) {
    const card = drawCard(facts);
    const { name, title, note } = facts;
    card.setAttribute("aria-label", `Tap ${title}${note ? `, ${note}` : ""}`);
    card.setAttribute("aria-pressed", "false");
    card.setAttribute("aria-keyshortcuts", "Shift+Enter");
    card.title = "Click: tap. Shift and click, or drag to the terminal: leave it at the reader.";
    let press = null;
    let wasMore = false; // the press that ends was a hold or a drag, not a click
    const end = () => {
      const ended = press;
      press = null;
      if (ended === null) return null;
      clearTimeout(ended.timer);
      ended.ghost?.remove();
      this.#reader.classList.remove("over");
      return ended;
    };
    card.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      wasMore = false;
      press = { x: event.clientX, y: event.clientY, held: false, ghost: null };
      press.timer = setTimeout(() => this.#startHold(press, name), HOLD_AFTER_MS);
      if (event.pointerType === "mouse") card.setPointerCapture(event.pointerId);
    });
    card.addEventListener("pointermove", (event) => {
      if (press !== null && event.pointerType === "mouse") this.#drag(press, card, name, event);
    });
    card.addEventListener("pointerup", (event) => {
      const ended = end();
      if (ended === null) return;
      const parked = ended.ghost !== null && this.#isOverReader(event);
      if (ended.held && !parked) this.#link.send({ type: "remove", card: name });
      wasMore = ended.held || ended.ghost !== null;
    });
    card.addEventListener("pointercancel", () => {
      if (end()?.held) this.#link.send({ type: "remove", card: name });
    });
    card.addEventListener("click", (event) => {
      if (!wasMore) this.#click(name, card, event.shiftKey);
      wasMore = false;
    });
    card.addEventListener("contextmenu", (event) => event.preventDefault());
    card.addEventListener("dragstart", (event) => event.preventDefault());
    return card;
  }

  /** A click taps, with Shift it leaves the card at the reader; a card that is there is taken away. */
  #click(name, card, shift) {
    const held = card.getAttribute("aria-pressed") === "true";
    this.#link.send({ type: held ? "remove" : shift ? "hold" : "tap", card: name });
    const device = this.#reader.parentElement; // on a phone the wallet lies below it
    if (device.getBoundingClientRect().top < 0) device.scrollIntoView({ behavior: "smooth" });
  }

  #startHold(press, name) {
    if (press.held || press.ghost !== null) return;
    press.held = true;
    this.#link.send({ type: "hold", card: name });
  }

  #drag(press, card, name, event) {
    const moved = Math.hypot(event.clientX - press.x, event.clientY - press.y);
    if (press.ghost === null && moved < DRAG_AFTER_PX) return;
    if (press.ghost === null) {
      clearTimeout(press.timer);
      press.ghost = card.cloneNode(true);
      press.ghost.classList.add("ghost");
      document.body.append(press.ghost);
    }
    press.ghost.style.left = `${event.clientX - 102}px`;
    press.ghost.style.top = `${event.clientY - 62}px`;
    const over = this.#isOverReader(event);
    this.#reader.classList.toggle("over", over);
    if (over !== press.held) {
      press.held = over;
      this.#link.send({ type: over ? "hold" : "remove", card: name });
    }
  }

  /** The reader is the upper half of the case. */
  #isOverReader({ clientX, clientY }) {
    const { left, right, top, bottom } = this.#reader.parentElement.getBoundingClientRect();
    return clientX > left && clientX < right && clientY > top && clientY < (top + bottom) / 2;
  }
}

function drawCard({ name, title, note, scheme, kind, number, expiry, hue, saturation }) {
  const card = document.createElement("button");
  card.type = "button";
  card.className = "card";
  card.dataset.card = name;
  card.dataset.kind = kind;
  card.style.setProperty("--hue", hue);
  card.style.setProperty("--sat", `${saturation}%`);
  card.innerHTML = `<span class="title"></span><span class="note"></span><span class="scheme"></span>
    <span class="chip"></span><svg class="air" viewBox="0 0 18 22" aria-hidden="true"><path d="${AIR}"/></svg>
    <span class="number"></span><span class="expiry"></span>`;
  const texts = { title, note, scheme, number, expiry };
  for (const [part, text] of Object.entries(texts)) card.querySelector(`.${part}`).textContent = text ?? "";
  return card;
}
