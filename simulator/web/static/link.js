// The WebSocket to the bench: hands out messages by type, sends commands, comes back when it is lost.

const RETRY_MS = [250, 500, 1000, 2000, 4000];

export class Link extends EventTarget {
  #socket = null;
  #tries = 0;

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws`);
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "ready") this.#tries = 0;
      this.dispatchEvent(new CustomEvent(message.type, { detail: message }));
    });
    socket.addEventListener("close", () => {
      this.dispatchEvent(new CustomEvent("lost"));
      const wait = RETRY_MS[Math.min(this.#tries++, RETRY_MS.length - 1)];
      setTimeout(() => this.connect(), wait);
    });
    this.#socket = socket;
  }

  /** Call `handler(message)` for each message of that type. */
  on(type, handler) {
    this.addEventListener(type, ({ detail }) => handler(detail ?? {}));
  }

  send(command) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(command));
  }
}
