"use strict";
// The data of the page. A query and an image are [key, picture, vehicle, camera, colour, type]; an image also has the
// number of images of its track. An answer is [AP, images, letters, similarities, ranks of all right answers,
// near-duplicates ahead of the nearest of these, values of data.measures]. A picture is a number from 1, 0 for one that
// was left out, -1 for a file that is not there and -2 for one that cannot be decoded.
const data = JSON.parse(document.getElementById("data").textContent);
const LABELS = ["camera", "colour", "type"];
const AT_ONCE = 24;
const SIGNS = { r: "✓", w: "✕", i: "–" };
const WORDS = { r: "right", w: "wrong", i: "ignored" };
const REASONS = { "-1": "no file", "-2": "cannot be decoded" };
const byId = (id) => document.getElementById(id);

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};
const percent = (value) => (value === null ? "–" : (100 * value).toFixed(2));
const nameOf = (label, value) => (value === null ? "unknown" : data.labels[label]?.[value] ?? String(value));
const known = LABELS.filter((label) => label in data.labels);
const named = (image) => known.map((label) => nameOf(label, image[3 + LABELS.indexOf(label)]));
const described = (image) => named(image).map((name, index) => `${known[index]} ${name}`);

const vehicleOf = (image) => data.vehicles?.[image[2]] ?? String(image[2]);

const picture = (image, alt) => {
  const [key, number] = image;
  if (number > 0) {
    const src = `pictures/${String(number).padStart(5, "0")}.jpg`;
    return element("div", { class: "picture" }, element("img", { src, alt, loading: "lazy", decoding: "async" }));
  }
  const box = element("div", { class: "picture none" });
  if (number < 0) box.append(element("em", {}, REASONS[number]));
  box.append(key.split("/").pop());
  return box;
};

const isDuplicate = (letter, image, query) =>
  letter === "w" && data.duplicates && (data.twins[query[2]] ?? []).includes(image[2]);

// The place of a wrong unit is its place among those that count; that of a right one is its exact rank, behind its ties.
const placesOf = ([, , letters, , ranks]) => {
  let place = 0;
  let right = 0;
  return [...letters].map((letter) => {
    if (letter === "i") return null;
    place += 1;
    return letter === "r" ? ranks[right++] : place;
  });
};

const tiles = (query, answer) => {
  const [, images, letters] = answer;
  const places = placesOf(answer);
  return images.map((number, index) => {
    const image = data.images[number];
    const letter = letters[index];
    const duplicate = isDuplicate(letter, image, query);
    const word = duplicate ? "wrong, a near-duplicate" : WORDS[letter];
    const place = places[index] === null ? "" : String(places[index]);
    const sign = element("i", { class: "sign", "aria-hidden": "true" }, duplicate ? "≈" : SIGNS[letter]);
    const line = element("p", { class: "place" }, sign, element("span", { class: "hidden" }, `${word} `), place);
    if (data.tracks) line.append(element("span", { class: "of" }, `of ${image[6]}`));
    const alt = `${word}: vehicle ${vehicleOf(image)}`;
    return element("li", { class: `tile ${WORDS[letter]}`, title: `${image[0]}, vehicle ${vehicleOf(image)}` }, picture(image, alt), line);
  });
};

const ranksLine = (answer) => {
  const ranks = answer[4];
  const listed = answer[2].split("r").length - 1;
  const near = ranks.slice(0, listed);
  const far = ranks.slice(listed);
  const line = element("p", { class: "ranks" });
  if (!ranks.length) {
    line.append("The gallery has no right answer to this query.");
    return line;
  }
  const title = ranks.length === 1 ? "Rank of the only right answer" : `Ranks of the ${ranks.length} right answers`;
  line.append(title, near.length ? ": " : ", beyond this list: ");
  if (near.length) line.append(element("b", {}, near.join(", ")), far.length ? "; beyond this list: " : "");
  line.append(far.join(", "));
  return line;
};

const valuesTable = (query, number) => {
  const rows = data.lists.flatMap((lists, run) => {
    const answer = lists[number];
    const places = placesOf(answer);
    return answer[1].map((one, index) => {
      const image = data.images[one];
      const cells = [places[index] ?? "", WORDS[answer[2][index]], answer[3][index].toFixed(4), vehicleOf(image), ...named(image), image[0]];
      if (data.runs.length > 1) cells.unshift("AB"[run]);
      return element("tr", {}, ...cells.map((cell) => element("td", { class: "text" }, String(cell))));
    });
  });
  const heads = ["rank", "mark", "similarity", "vehicle", ...known, "key"];
  if (data.runs.length > 1) heads.unshift("run");
  const head = element("tr", {}, ...heads.map((text) => element("th", { scope: "col", class: "text" }, text)));
  return element("div", { class: "wide" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
};

const answersOf = (query, number, run) => {
  const answer = data.lists[run][number];
  const score = element("p", { class: "score" });
  if (data.runs.length > 1) score.append(element("span", { class: "letter", title: data.runs[run] }, "AB"[run]));
  score.append(element("span", {}, "AP ", element("b", {}, percent(answer[0]))));
  if (run === 1 && answer[0] !== null && data.lists[0][number][0] !== null) {
    const change = 100 * (answer[0] - data.lists[0][number][0]);
    score.append(element("span", {}, `${change < 0 ? "" : "+"}${change.toFixed(2)} against A`));
  }
  if (answer[4].length) score.append(element("span", {}, `first right answer at ${answer[4][0]}`));
  data.measures.forEach((name, index) => score.append(element("span", { class: "further" }, `${name} ${percent(answer[6][index])}`)));
  if (answer[5] > 0) score.append(element("span", {}, `≈ ${answer[5]} near-duplicate${answer[5] > 1 ? "s" : ""} ahead of it`));
  const list = element("ol", { class: "tiles" }, ...tiles(query, answer));
  return element("div", { class: "answers" }, score, list, ranksLine(answer));
};

const article = (number) => {
  const query = data.queries[number];
  const asked = element("div", { class: "asked" }, picture(query, "the query"),
    element("h3", { id: `q${number}` }, query[0]),
    element("p", {}, [`vehicle ${vehicleOf(query)}`, ...described(query)].join(", ")));
  const both = element("div", { class: data.runs.length > 1 ? "two" : "one" },
    ...data.runs.map((_, run) => answersOf(query, number, run)));
  const values = element("details", { class: "values" }, element("summary", {}, "keys and similarities"));
  values.addEventListener("toggle", () => {
    if (values.open && values.children.length === 1) values.append(valuesTable(query, number));
  });
  const answers = element("div", {}, both, values);
  return element("article", { class: "query", tabindex: "-1", "aria-labelledby": `q${number}` }, asked, answers);
};

// Only some of the chosen queries are drawn; a button draws more, so that the rest of the page stays within reach.
let chosen = [];
let drawn = 0;
const drawMore = () => {
  const next = chosen.slice(drawn, drawn + AT_ONCE);
  byId("queries").append(...next.map(article));
  drawn += next.length;
  const left = chosen.length - drawn;
  byId("more").hidden = left === 0;
  byId("more").textContent = `Show ${Math.min(AT_ONCE, left)} more of the ${left} other queries`;
};

const selects = {};
const wanted = (number) => {
  const query = data.queries[number];
  for (const [label, select] of Object.entries(selects)) {
    if (!select.value) continue;
    if (label === "duplicates") {
      if (data.lists.some((lists) => lists[number][5] > 0) !== (select.value === "yes")) return false;
    } else if (String(query[3 + LABELS.indexOf(label)]) !== select.value) return false;
  }
  const text = byId("find").value.trim().toLowerCase();
  return !text || query[0].toLowerCase().includes(text) || vehicleOf(query).toLowerCase() === text;
};
const choose = () => {
  chosen = data.orders[byId("order").value].filter(wanted);
  drawn = 0;
  byId("queries").replaceChildren();
  byId("count").textContent = `${chosen.length} of ${data.queries.length} queries`;
  drawMore();
};

const addFilter = (label, title, options) => {
  const select = element("select", { id: `filter-${label}` }, ...options.map(([value, text]) => element("option", { value }, text)));
  select.addEventListener("change", choose);
  selects[label] = select;
  byId("filters").append(element("label", {}, `${title} `, select));
};
for (const label of known) {
  const place = 3 + LABELS.indexOf(label);
  const present = new Set(data.queries.map((query) => String(query[place])));
  const options = Object.entries(data.labels[label]).filter(([value]) => present.has(value));
  if (present.has("null")) options.push(["null", "unknown"]);
  addFilter(label, label[0].toUpperCase() + label.slice(1), [["", "all"], ...options]);
}
byId("legend-tracks").hidden = !data.tracks;
if (data.duplicates) {
  addFilter("duplicates", "Near-duplicate", [["", "all"], ["yes", "ahead of the right ones"], ["no", "not ahead"]]);
  byId("legend-duplicate").hidden = false;
}

const move = (step) => {
  const articles = [...byId("queries").children];
  const here = articles.findIndex((one) => one.contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : -1) : here + step;
  if (next >= articles.length) drawMore();
  const target = byId("queries").children[next];
  if (!target) return;
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "start" });
};
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
  else if (event.key === "/") byId("find").focus();
  else if (event.key === "Enter" && event.target.matches("article")) {
    const values = event.target.querySelector("details");
    values.open = !values.open;
  } else return;
  event.preventDefault();
});

byId("order").addEventListener("change", choose);
byId("find").addEventListener("input", choose);
byId("controls").addEventListener("submit", (event) => event.preventDefault());
byId("more").addEventListener("click", drawMore);
addEventListener("beforeprint", () => {
  for (const one of document.querySelectorAll("#slices details, #run details")) one.open = true;
});
if (data.runs.length > 1) byId("order").value = "changed";
choose();
