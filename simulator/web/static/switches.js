// The bench's switches: plugs to pull and the delay of the network.

export class Switches {
  #inputs;
  #latency;
  #shown;

  constructor({ power, network, paper, latency, latencyValue, link }) {
    this.#inputs = { power, network, paper };
    this.#latency = latency;
    this.#shown = latencyValue;
    power.addEventListener("change", () => link.send({ type: "power", on: power.checked }));
    network.addEventListener("change", () => link.send({ type: "network", up: network.checked }));
    paper.addEventListener("change", () => link.send({ type: "paper", state: paper.checked ? "ok" : "out" }));
    latency.addEventListener("input", () => this.#show(latency.valueAsNumber));
    latency.addEventListener("change", () => link.send({ type: "network", latency_ms: latency.valueAsNumber }));
  }

  state({ powered, network, paper }) {
    this.#inputs.power.checked = powered;
    this.#inputs.network.checked = network.up;
    this.#inputs.paper.checked = paper !== "out";
    if (document.activeElement !== this.#latency) this.#latency.value = network.latency_ms;
    this.#show(network.latency_ms);
  }

  #show(milliseconds) {
    this.#shown.textContent = `${milliseconds} ms`;
  }
}
