// The keypad: buttons in the board's layout, a keyboard for those who have one.

const LEGENDS = {
  CANCEL: { label: "Cancel", path: "M5 5l14 14M19 5L5 19" },
  CLEAR: { label: "Clear", path: "M20 12H5M11 5l-7 7 7 7" },
  ENTER: { label: "Enter", path: "M5 12.5l5 5L20 6.5" },
  MENU: { label: "Menu", path: "M4 6h16M4 12h16M4 18h16" },
  LANG: { label: "Language", path: "M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18M3 12h18M12 3c-5 5-5 13 0 18c5-5 5-13 0-18" },
};

const KEYBOARD = {
  Enter: "ENTER", Escape: "CANCEL", Backspace: "CLEAR", Delete: "CLEAR", l: "LANG", L: "LANG", m: "MENU", M: "MENU",
};

const SHORTCUTS = { ENTER: "Enter", CANCEL: "Escape", CLEAR: "Backspace", LANG: "l", MENU: "m" };

export class Keypad {
  #element;
  #link;
  #down = new Map(); // key name -> what holds it down

  constructor(element, link) {
    this.#element = element;
    this.#link = link;
    addEventListener("keydown", (event) => this.#keyboardDown(event));
    addEventListener("keyup", (event) => this.#keyboardUp(event));
    addEventListener("blur", () => this.releaseAll());
    // What was clicked with a pointer gives the keyboard back to the terminal.
    addEventListener("click", ({ detail, target }) => {
      if (detail > 0 && target instanceof Element) target.closest("button, summary, input, label")?.blur();
      if (detail > 0 && document.activeElement?.matches("input[role=switch]")) document.activeElement.blur();
    });
  }

  layout(rows) {
    this.releaseAll();
    this.#element.style.gridTemplateColumns = `repeat(${rows[0].length}, 1fr)`;
    this.#element.replaceChildren(...rows.flat().map((name) => this.#button(name)));
  }

  #button(name) {
    const button = document.createElement("button");
    const legend = LEGENDS[name];
    button.type = "button";
    button.className = "key";
    button.dataset.key = name;
    button.setAttribute("aria-label", legend?.label ?? name);
    button.setAttribute("aria-keyshortcuts", SHORTCUTS[name] ?? name);
    if (legend) {
      button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${legend.path}"/></svg>`;
      const small = document.createElement("small");
      small.textContent = legend.label;
      button.append(small);
    } else {
      button.textContent = name;
    }
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      this.#press(name, "pointer");
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      button.addEventListener(end, () => this.#release(name, "pointer"));
    }
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", (event) => {
      // Only clicks that no pointer made: Space on the button, a screen reader.
      if (event.detail === 0) this.#link.send({ type: "key", name, press: true });
    });
    return button;
  }

  #press(name, by) {
    if (this.#down.has(name)) return;
    this.#down.set(name, by);
    this.#mark(name, true);
    this.#link.send({ type: "key", name, down: true });
  }

  #release(name, by) {
    if (this.#down.get(name) !== by) return;
    this.#down.delete(name);
    this.#mark(name, false);
    this.#link.send({ type: "key", name, down: false });
  }

  releaseAll() {
    for (const [name, by] of [...this.#down]) this.#release(name, by);
  }

  #mark(name, down) {
    for (const key of this.#element.children) {
      if (key.dataset.key === name) key.classList.toggle("down", down);
    }
  }

  #keyOf(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return null;
    const name = /^[0-9]$/.test(event.key) ? event.key : KEYBOARD[event.key];
    const known = [...this.#element.children].some((key) => key.dataset.key === name);
    return known ? name : null;
  }

  #keyboardDown(event) {
    const name = this.#keyOf(event);
    if (name === null || event.repeat || this.#isElsewhere(event)) return;
    event.preventDefault();
    this.#press(name, event.code);
  }

  #keyboardUp(event) {
    for (const [name, by] of [...this.#down]) {
      if (by === event.code) this.#release(name, by);
    }
  }

  /** Whether the key means something to what has the focus: a slider, a dialog, a card, a tab. */
  #isElsewhere({ target, key }) {
    if (document.querySelector("dialog[open]")) return true;
    if (!(target instanceof Element) || this.#element.contains(target)) return false;
    if (target.matches("input[type=range]")) return !/^[a-z]$/i.test(key);
    return key === "Enter" && target.closest("button, summary, input, a") !== null;
  }
}
