// The paper: strips of dot lines come out of the slot one after the other until it is torn off.

const RISE_MS_PER_LINE = 2.1; // 60 mm/s at 8 lines/mm

export class Paper {
  #outlet;
  #strip;
  #buttons;
  #receipt;
  #length = 0;

  constructor({ outlet, strip, tear, enlarge, dialog, link }) {
    this.#outlet = outlet;
    this.#strip = strip;
    this.#buttons = [tear, enlarge];
    this.#receipt = dialog;
    tear.addEventListener("click", () => link.send({ type: "tear" }));
    enlarge.addEventListener("click", () => this.#enlarge());
    strip.addEventListener("click", () => this.#enlarge());
  }

  /** A strip of paper: dot lines `y` to `y + h`, counted from where it was torn off last. */
  add({ y, w, h, png }, settled) {
    if (y < this.#length) return;
    const scale = this.#strip.clientWidth || this.#outlet.clientWidth - 18;
    this.#length = y + h;
    const piece = document.createElement("div");
    const image = new Image(w, h);
    image.alt = "";
    image.src = `data:image/png;base64,${png}`;
    piece.append(image);
    piece.style.height = settled ? `${(h * scale) / w}px` : "0";
    piece.style.transitionDuration = `${h * RISE_MS_PER_LINE}ms`;
    this.#strip.append(piece);
    this.#placeCuts();
    this.#strip.dataset.lines = this.#length;
    this.#changed();
    if (!settled) requestAnimationFrame(() => (piece.style.height = `${(h * scale) / w}px`));
  }

  /** Where the blade went through, in dot lines. */
  cuts({ at }) {
    for (const old of this.#strip.querySelectorAll("hr")) old.remove();
    for (const line of at) {
      const cut = document.createElement("hr");
      cut.dataset.line = line;
      this.#strip.append(cut);
    }
    this.#placeCuts();
  }

  #placeCuts() {
    for (const cut of this.#strip.querySelectorAll("hr")) {
      cut.style.top = `${(cut.dataset.line * 100) / this.#length}%`;
    }
  }

  tear(settled) {
    if (this.#length > 0 && !settled) {
      const torn = this.#strip.cloneNode(true);
      torn.removeAttribute("id");
      torn.classList.add("torn");
      torn.addEventListener("animationend", () => torn.remove());
      this.#outlet.append(torn);
    }
    this.#strip.replaceChildren();
    this.#strip.dataset.lines = 0;
    this.#length = 0;
    this.#changed();
  }

  #changed() {
    const some = this.#length > 0;
    this.#outlet.classList.toggle("has-paper", some);
    this.#strip.setAttribute("aria-label", some ? "A receipt" : "No receipt");
    for (const button of this.#buttons) button.disabled = !some;
  }

  #enlarge() {
    const copy = this.#strip.cloneNode(true);
    copy.removeAttribute("id");
    for (const piece of copy.querySelectorAll("div")) piece.style.height = "auto";
    this.#receipt.querySelector("#receipt-paper").replaceChildren(copy);
    this.#receipt.showModal();
  }
}
