// Puts the page together: every part gets its elements and the messages that concern it.

import { Keypad } from "./keypad.js";
import { Lens } from "./lens.js";
import { Link } from "./link.js";
import { Panel } from "./panel.js";
import { Paper } from "./paper.js";
import { Sound } from "./sound.js";
import { Switches } from "./switches.js";
import { Wallet } from "./wallet.js";

const RUNTIMES = { micropython: "MicroPython", cpython: "CPython" };
const NOTICE_MS = 7000;

const $ = (id) => document.getElementById(id);
const link = new Link();
const panel = new Panel($("panel"), $("words"));
const keypad = new Keypad($("keypad"), link);
const sound = new Sound($("sound").checked);
const wallet = new Wallet({ list: $("wallet"), held: $("held"), reader: $("reader"), link });
const lens = new Lens($("lens"), $("lens-clear"));
const paper = new Paper({
  outlet: $("outlet"), strip: $("paper-strip"), tear: $("tear"), enlarge: $("enlarge"), dialog: $("receipt"), link,
});
const switches = new Switches({
  power: $("power"), network: $("network"), paper: $("paper"), latency: $("latency"), latencyValue: $("latency-value"), link,
});
let settled = true; // while the picture of what already was is coming in, nothing moves

function status(kind, text) {
  $("status").className = `status ${kind}`;
  $("status-text").textContent = text;
}

function notice(text) {
  const line = document.createElement("p");
  line.textContent = text;
  $("notices").append(line);
  setTimeout(() => line.remove(), NOTICE_MS);
}

link.on("hello", (hello) => {
  settled = true;
  panel.size(hello.panel);
  keypad.layout(hello.layout);
  wallet.show(hello.wallet);
  lens.clear();
  status("connected", `${RUNTIMES[hello.runtime] ?? hello.runtime} · ${hello.board.name}`);
  $("status").title = hello.board.title;
});
link.on("ready", () => {
  settled = false;
  document.documentElement.dataset.ready = "yes";
});
link.on("lost", () => {
  document.documentElement.dataset.ready = "";
  status("lost", "no connection, trying again");
});
link.on("panel", (part) => panel.draw(part));
link.on("screen", (screen) => panel.say(screen));
link.on("lamps", ({ lit }) => {
  [...$("lamps").children].forEach((lamp, index) => lamp.classList.toggle("lit", lit[index] === true));
  $("lamps").setAttribute("aria-label", `Contactless lamps: ${lit.filter(Boolean).length} of ${lit.length} lit`);
});
link.on("tone", (tone) => sound.tone(tone));
link.on("torn", () => paper.tear(settled));
link.on("paper", (strip) => paper.add(strip, settled));
link.on("cuts", (cuts) => paper.cuts(cuts));
link.on("tap", (told) => lens.tap(told));
link.on("apdu", (exchange) => lens.apdu(exchange));
link.on("iso", (message) => lens.iso(message));
link.on("timing", (timing) => lens.timing(timing));
link.on("log", (line) => lens.log(line));
link.on("notice", ({ text }) => notice(text));
link.on("state", (state) => {
  switches.state(state);
  wallet.showHeld(state.held);
  $("device").classList.toggle("field", state.field);
  $("device").classList.toggle("off", !state.powered);
  $("paper-led").className = `led ${state.paper}`;
  $("paper-led").setAttribute("aria-label", `Paper: ${state.paper.replace("_", " ")}`);
});
$("sound").addEventListener("change", () => sound.turn($("sound").checked));
link.connect();
