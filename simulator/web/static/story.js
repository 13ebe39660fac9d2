// A tap as a story: how it ended and why, what was said in order, which rule fired, what the bits mean.
// All of it comes in words from the server; here it is only laid out.

import { bar, disclosure, element, spaced } from "./elements.js";

/** One story; `open` shows it whole. */
export function storyOf(told, open) {
  const { outcome } = told;
  const entry = disclosure(told.title, [[`tap ${told.number}`, ""]]);
  entry.classList.add("story");
  entry.dataset.tap = told.number;
  entry.open = open;
  entry.firstElementChild.append(element("span", `verdict ${outcome.good ? "good" : "bad"}`, outcome.text));
  const body = entry.lastElementChild;
  body.append(title("Why"), list("why", outcome.why));
  body.append(title("What happened"), timeline(told.steps));
  if (told.elements.length > 0) body.append(title("What the bits say"), ...told.elements.map(bits));
  body.append(title("Cardholder verification"), element("p", "said", told.cvm));
  if (told.host.length > 0) {
    body.append(title("Host"));
    const messages = element("ul", "messages");
    for (const { text, good } of told.host) {
      messages.append(element("li", good === null ? "" : good ? "good" : "bad", text));
    }
    body.append(messages);
  }
  if (told.timings.length > 0) {
    const longest = Math.max(...told.timings.map(({ ms }) => ms));
    body.append(title("Time"), ...told.timings.map(({ name, ms }) => bar(name, ms, longest, Infinity)));
  }
  return entry;
}

function title(text) {
  return element("h3", "", text);
}

function list(className, lines) {
  const made = element("ul", className);
  made.append(...lines.map((line) => element("li", "", line)));
  return made;
}

function timeline(steps) {
  const made = element("ol", "timeline");
  for (const step of steps) {
    const item = element("li", step.kind);
    item.append(element("time", "", `${step.t_ms.toFixed(0)} ms`));
    if (step.kind === "exchange") item.append(exchange(step));
    else if (step.kind === "rule") item.append(rule(step));
    else item.append(element("span", "note", step.text));
    made.append(item);
  }
  return made;
}

function rule({ rule: name, text }) {
  const made = element("span", "fired");
  made.append(element("b", "rule-name", name), ` ${text}`);
  return made;
}

function exchange({ title: name, facts, ok, ms, asked, said }) {
  const made = element("details", "step");
  const summary = element("summary");
  summary.append(element("b", "", name), element("span", ok ? "status good" : "status bad", facts));
  summary.append(element("span", "status", `${ms.toFixed(1)} ms`));
  made.append(summary);
  if (asked.length > 0) made.append(list("asked", asked));
  if (said.length > 0) made.append(list("answered", said));
  return made;
}

function bits({ tag, name, value, text }) {
  const made = element("div", "bits");
  const head = element("p", "");
  head.append(element("span", "tag", tag), name, element("span", "value", spaced(value)));
  made.append(head, list("", text));
  return made;
}
