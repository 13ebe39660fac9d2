// The developer's lens: what card, terminal and host say to each other, decoded, and how long it took.

import { bar, disclosure, element, spaced } from "./elements.js";
import { storyOf } from "./story.js";

const MOST_ENTRIES = 250;
const NEW_TAP_MS = 1500;
const MARGIN_PX = 8;
// Phases of a sale in their order, then the sums that a person feels with what they may take.
const PHASES = [
  ["ppse", "Select PPSE"], ["select", "Select AID"], ["gpo", "Get options"], ["records", "Read records"],
  ["ac", "Generate AC"], ["other", "Other"], ["host", "Host"], ["result", "Result"],
];
const SUMS = [
  ["card_in_field", "Card in field", 500], ["approved", "To result", 2000], ["receipt_first_line", "First line", 300],
];

export class Lens {
  #views;
  #tabs;
  #counts = { tap: 0, apdu: 0, iso: 0, log: 0 };
  #lastExchange = null;

  constructor(root, clear) {
    this.#tabs = [...root.querySelectorAll("[role=tab]")];
    this.#views = Object.fromEntries(
      this.#tabs.map((tab) => [tab.id.slice(4), document.getElementById(tab.getAttribute("aria-controls"))]),
    );
    for (const tab of this.#tabs) {
      tab.addEventListener("click", () => this.#select(tab));
      tab.addEventListener("keydown", (event) => this.#arrow(tab, event));
    }
    clear.addEventListener("click", () => this.clear());
  }

  clear() {
    for (const name of Object.keys(this.#counts)) {
      for (const entry of [...this.#views[name].children]) if (!entry.matches(".empty")) entry.remove();
      this.#count(name, 0);
    }
    this.#lastExchange = null;
  }

  #select(chosen) {
    for (const tab of this.#tabs) {
      const selected = tab === chosen;
      tab.setAttribute("aria-selected", selected);
      tab.tabIndex = selected ? 0 : -1;
      this.#views[tab.id.slice(4)].hidden = !selected;
    }
    const view = this.#views[chosen.id.slice(4)];
    view.scrollTop = view.scrollHeight;
    if (view === this.#views.tap) this.#toLastStory();
  }

  #arrow(tab, event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = this.#tabs.at((this.#tabs.indexOf(tab) + step) % this.#tabs.length);
    this.#select(next);
    next.focus();
  }

  #count(name, count) {
    this.#counts[name] = count;
    const tab = this.#tabs.find((each) => each.id === `tab-${name}`);
    const shown = tab.querySelector(".count") ?? tab.appendChild(element("span", "count"));
    shown.textContent = count || "";
  }

  #append(name, entry) {
    const view = this.#views[name];
    const atEnd = view.scrollHeight - view.scrollTop - view.clientHeight < 60;
    view.append(entry);
    if (view.children.length > MOST_ENTRIES) view.children[1].remove();
    if (atEnd) view.scrollTop = view.scrollHeight;
    this.#count(name, this.#counts[name] + 1);
  }

  /** The story of a tap; told anew when something was added to it, and the last one lies open. */
  tap(told) {
    const view = this.#views.tap;
    const before = view.querySelector(`[data-tap="${told.number}"]`);
    if (before) {
      before.replaceWith(storyOf(told, before.open));
      return;
    }
    for (const other of view.querySelectorAll(".story")) other.open = false;
    this.#append("tap", storyOf(told, true));
    this.#toLastStory();
  }

  #toLastStory() {
    const view = this.#views.tap;
    const [story, frame] = [view.lastElementChild, view].map((each) => each.getBoundingClientRect().top);
    view.scrollTop += story - frame - MARGIN_PX;
  }

  apdu(exchange) {
    const { at_ms: atMs, ms, command, response } = exchange;
    if (this.#lastExchange !== null && atMs - this.#lastExchange > NEW_TAP_MS) {
      this.#views.apdu.append(element("p", "gap", "next tap"));
    }
    this.#lastExchange = atMs + ms;
    const status = response?.sw || (response === null ? "gone" : "none");
    const entry = disclosure(`${command.name} ${command.text}`, [
      [status, status === "9000" ? "good" : "bad"],
      [`${ms.toFixed(ms < 100 ? 1 : 0)} ms`, ""],
    ]);
    const body = entry.lastElementChild;
    body.append(element("h3", "", "Command"), element("p", "hex", spaced(command.hex)), tree(command.fields));
    if (response === null) {
      body.append(element("h3", "", "No answer: the card was gone"));
    } else {
      const title = `Answer: ${response.sw} ${response.meaning}`;
      body.append(element("h3", "", title), element("p", "hex", spaced(response.hex)), tree(response.fields));
    }
    this.#append("apdu", entry);
  }

  iso({ direction, mti, title, facts, note, card, fields }) {
    const arrow = { request: "→", answer: "←" }[direction] ?? "·";
    const moods = facts.map(({ text, ok }) => [text, ok === undefined ? "" : ok ? "good" : "bad"]);
    const entry = disclosure(`${arrow} ${mti} ${note && !mti ? note : title}`, moods);
    const body = entry.lastElementChild;
    if (note) body.append(element("p", "meaning", note));
    if (card) body.append(element("p", "meaning", `Card ${card}, from the encrypted block`));
    const table = element("table", "fields");
    for (const { number, name, value, tree: objects } of fields) {
      const row = table.insertRow();
      row.insertCell().textContent = number;
      const cell = row.insertCell();
      cell.append(element("div", "", name), element("div", "value", value));
      if (objects.length > 0) cell.append(tree(objects));
    }
    body.append(table);
    this.#append("iso", entry);
  }

  timing({ phases }) {
    const known = (list) => list.filter(([key]) => key in phases);
    const longest = Math.max(1, ...known(PHASES).map(([key]) => phases[key]));
    const view = this.#views.timing;
    for (const old of [...view.children]) if (!old.matches(".empty")) old.remove();
    if (known(PHASES).length > 0) view.append(element("h3", "phase-title", "On the air and on the line"));
    for (const [key, title] of known(PHASES)) view.append(bar(title, phases[key], longest, Infinity));
    if (known(SUMS).length > 0) view.append(element("h3", "phase-title", "What a person feels"));
    for (const [key, title, budget] of known(SUMS)) view.append(bar(title, phases[key], budget, budget));
  }

  log({ event }) {
    const { t, at, is: what, ...facts } = event;
    const line = element("p", "line");
    if ("error" in facts) line.classList.add("trouble");
    const words = Object.entries(facts).map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
    line.append(element("time", "", t === undefined ? "" : `${(t / 1000).toFixed(3)}`), element("b", "", `${at} ${what}`), ` ${words.join(" ")}`);
    this.#append("log", line);
  }
}

/** Data objects: tag, name, value in hex, what it means, and what is inside. */
function tree(objects) {
  const list = element("ul", "tree");
  for (const { tag, name, length, value, text, fields } of objects) {
    const item = element("li");
    item.append(element("span", "tag", tag), name);
    if (value) {
      item.append(element("span", "value", spaced(value)));
    } else if (fields.length === 0 && length > 0) {
      item.append(element("span", "meaning inline", `${length} bytes`));
    }
    for (const line of text) item.append(element("span", "meaning", line));
    if (fields.length > 0) item.append(tree(fields));
    list.append(item);
  }
  return list;
}
