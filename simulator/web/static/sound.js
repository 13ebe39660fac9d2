// The buzzer: a square wave at the frequency of the terminal's own PWM, in the rhythm of the bench's clock.

const VOLUME = 0.05;
const AHEAD_S = 0.03;
const DRIFT_S = 0.4;

export class Sound {
  #context = null;
  #oscillator = null;
  #gain = null;
  #zero = null; // what the bench's clock showed at the start of the audio clock, in seconds
  #on;

  constructor(on) {
    this.#on = on;
    // Browsers let a page sound only after somebody touched it.
    for (const gesture of ["pointerdown", "keydown"]) {
      addEventListener(gesture, () => this.#wake(), { capture: true });
    }
  }

  turn(on) {
    this.#on = on;
    if (!on) this.#silence();
  }

  #wake() {
    if (this.#context === null) {
      const context = new AudioContext();
      const tone = new BiquadFilterNode(context, { type: "lowpass", frequency: 6000 });
      this.#gain = new GainNode(context, { gain: 0 });
      this.#oscillator = new OscillatorNode(context, { type: "square" });
      this.#oscillator.connect(this.#gain).connect(tone).connect(context.destination);
      this.#oscillator.start();
      this.#context = context;
    }
    if (this.#context.state === "suspended") this.#context.resume();
  }

  #silence() {
    if (this.#context === null) return;
    this.#gain.gain.cancelScheduledValues(0);
    this.#gain.gain.setTargetAtTime(0, this.#context.currentTime, 0.003);
  }

  tone({ hz, at_ms: atMs }) {
    document.documentElement.dataset.hz = hz;
    if (!this.#on || this.#context?.state !== "running") return;
    const now = this.#context.currentTime;
    let when = this.#zero === null ? -1 : this.#zero + atMs / 1000;
    if (when < now || when > now + DRIFT_S) {
      this.#zero = now + AHEAD_S - atMs / 1000;
      when = now + AHEAD_S;
    }
    if (hz) this.#oscillator.frequency.setValueAtTime(hz, when);
    this.#gain.gain.setTargetAtTime(hz ? VOLUME : 0, when, 0.002);
  }
}
