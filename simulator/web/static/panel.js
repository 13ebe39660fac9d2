// The display: parts of pictures are put together at the panel's own size, then drawn three times as
// large without smoothing; the browser scales that down evenly to whatever size the case has room for.

const ENLARGED = 3;

export class Panel {
  #canvas;
  #words;
  #frame = document.createElement("canvas");
  #last = Promise.resolve();

  constructor(canvas, words) {
    this.#canvas = canvas;
    this.#words = words;
  }

  size({ width, height }) {
    this.#frame.width = width;
    this.#frame.height = height;
    this.#canvas.width = width * ENLARGED;
    this.#canvas.height = height * ENLARGED;
  }

  /** One part of the picture; parts are drawn in the order they came. */
  draw({ x, y, w, h, png }) {
    const image = new Image();
    image.src = `data:image/png;base64,${png}`;
    const decoded = image.decode();
    this.#last = this.#last.then(() => decoded).then(
      () => {
        this.#frame.getContext("2d").drawImage(image, x, y);
        const context = this.#canvas.getContext("2d");
        context.imageSmoothingEnabled = false;
        const scaled = [x, y, w, h].map((each) => each * ENLARGED);
        context.drawImage(this.#frame, x, y, w, h, ...scaled);
      },
      () => {},
    );
  }

  /** The words of the screen, for those who do not see it. */
  say({ name, words }) {
    this.#canvas.dataset.screen = name;
    const text = words.join("\n");
    if (this.#words.textContent !== text) this.#words.textContent = text;
  }
}
