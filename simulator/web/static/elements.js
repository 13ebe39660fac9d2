// Pieces that the lens is made of.

export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function disclosure(title, facts) {
  const entry = element("details", "entry");
  const summary = element("summary");
  summary.append(element("span", "what", title));
  for (const [text, mood] of facts) summary.append(element("span", `fact ${mood}`, text));
  entry.append(summary, element("div", "body"));
  return entry;
}

export function bar(title, ms, whole, budget) {
  const row = element("div", "phase");
  const track = element("div", ms > budget ? "bar over" : "bar");
  const filled = element("i");
  filled.style.width = `${Math.min(100, (ms * 100) / whole)}%`;
  track.append(filled);
  row.append(element("span", "", title), track, element("span", "ms", `${ms.toFixed(ms < 100 ? 1 : 0)} ms`));
  if (budget !== Infinity) row.title = `at most ${budget} ms`;
  return row;
}

export function spaced(hex) {
  return hex.replace(/(..)(?=.)/g, "$1 ");
}
