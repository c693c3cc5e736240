// The page: what each control does, one after the other, and what is said about it.

import { Failure, ask, follow, tell, upload } from "./api.js";
import { Model } from "./model.js";
import { TOOLS, Tools } from "./tools.js";
import { Viewer } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const UNKNOWN = 255;
const COLORS = ["#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#0072b2", "#e69f00"];

const viewer = new Viewer($("canvas"));
let session = null, model = null, tool = "pan", chosen = 0, job = null;
let queue = Promise.resolve(); // edits, in the order in which they were made

// --- saying what happens -------------------------------------------------------------------------

function say(text) { $("status").textContent = text; $("error").textContent = ""; }

function complain(error) {
  if (error.name === "AbortError") return;
  $("error").textContent = error.message;
  $("status").textContent = "";
  if (!(error instanceof Failure)) console.error(error);
}

// Do one thing after all that was begun before; what is wrong with it is said.
function enqueue(work) {
  queue = queue.then(work).catch(async (error) => {
    complain(error);
    if (error.status === 409 && model) { await model.load().catch(() => {}); refresh(); }
  });
  return queue;
}

const regions = (n) => `${n.toLocaleString("en")} ${n === 1 ? "region" : "regions"}`;

// --- images ------------------------------------------------------------------------------------------

async function begin() {
  session = await ask("state");
  for (const m of session.methods) $("method").append(new Option(m.name, m.id));
  $("method").value = "slic";
  for (const k of session.exports) $("kind").append(new Option(k.name, k.id));
  $("where").textContent = session.out
    ? `Files go to ${session.out}, and nothing there is overwritten.`
    : "Files are downloaded. With --out they are saved in a folder.";
  makeTools();
  makeKeys();
  makeParameters();
  showClasses();
  showImages();
  if (session.images.length) await open(Number(sessionStorage.getItem("image") ?? 0));
}

function showImages() {
  $("images").replaceChildren(...session.images.map((image) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const picture = document.createElement("img");
    picture.src = `api/images/${image.id}/thumbnail`;
    picture.loading = "lazy";
    picture.alt = "";
    button.append(picture, image.name);
    button.title = image.name;
    button.dataset.id = image.id;
    button.setAttribute("aria-current", String(image.id === model?.id));
    button.onclick = () => enqueue(() => open(image.id));
    item.append(button);
    return item;
  }));
}

async function open(id) {
  const image = session.images.find((one) => one.id === id) ?? session.images[0];
  await model?.keepCut?.().catch(() => {});
  const found = new Model(image.id);
  await found.load();
  model = found;
  sessionStorage.setItem("image", id);
  $("title").textContent = image.name;
  $("factor").replaceChildren(...model.factors.map((factor) => {
    const size = `${Math.ceil(model.width / factor)} × ${Math.ceil(model.height / factor)}`;
    return new Option(factor === 1 ? `full, ${size}` : `1/${factor}, ${size}`, factor);
  }));
  $("factor").value = model.factor ?? model.proposed;
  for (const button of $("images").querySelectorAll("button"))
    button.setAttribute("aria-current", String(Number(button.dataset.id) === image.id));
  refresh();
  say(`${image.name}, ${model.width} × ${model.height} pixels` + (model.segmented ? `, ${regions(model.regions)}` : ""));
}

$("upload").onchange = () => enqueue(async () => {
  let first = null;
  for (const file of $("upload").files) {
    say(`Opening ${file.name}`);
    const image = await upload(file);
    session.images.push(image);
    first ??= image.id;
  }
  $("upload").value = "";
  showImages();
  if (first !== null) await open(first);
});

// Show what the model is now.
function refresh() {
  $("empty").hidden = Boolean(model);
  viewer.colors = session.classes.map((one) => one.color);
  viewer.show(model);
  for (const which of ["undo", "redo"]) {
    $(which).disabled = !model?.[which];
    $(which).title = model?.[which] ? `${which} ${model[which]}` : "";
  }
  $("accept").disabled = !model?.predicted;
  const ready = Boolean(model?.segmented && model.tree.merges);
  $("cut").disabled = $("count").disabled = !ready;
  $("canvas").setAttribute("aria-label", model ? `Image ${$("title").textContent}` : "Image");
  showFacts();
}

function showFacts() {
  if (!model) return;
  const facts = [`Image ${model.width} × ${model.height}`];
  if (model.segmented) {
    facts.push(`segmented at ${model.columns} × ${model.rows}` + (model.factor > 1 ? ` (1/${model.factor})` : " (full size)"));
    facts.push(model.about, regions(model.regions));
    if (document.activeElement !== $("count")) $("count").value = model.regions;
    const height = model.tree.height(model.cut).toPrecision(3);
    $("threshold").textContent = height;
    $("cut").value = placeOf(model.cut);
    $("cut").setAttribute("aria-valuetext", `threshold ${height}, ${regions(model.regions)}`);
  } else facts.push("not segmented yet");
  $("facts").textContent = facts.join(" · ");
}

// --- segmenting ------------------------------------------------------------------------------------

function makeParameters() {
  const method = session.methods.find((one) => one.id === $("method").value);
  const rows = method.parameters.map((p) => {
    const label = document.createElement("label");
    const slider = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1000 });
    const field = Object.assign(document.createElement("input"), {
      type: "number", min: p.low, max: p.high, step: p.step === 1 ? 1 : "any", value: p.default, name: p.id,
    });
    const span = Math.log1p(p.high - p.low);
    const set = (value) => { slider.value = 1000 * Math.log1p(Math.max(0, value - p.low)) / span; };
    set(p.default);
    slider.setAttribute("aria-label", p.label);
    slider.oninput = () => {
      const value = p.low + Math.expm1(slider.value / 1000 * span);
      field.value = Number((Math.round(value / p.step) * p.step).toPrecision(4));
      slider.setAttribute("aria-valuetext", field.value);
      rested();
    };
    field.oninput = () => { set(Number(field.value)); if (field.checkValidity()) rested(); };
    label.append(p.label, field, slider);
    return label;
  });
  if (method.weights.length) {
    const label = document.createElement("label"), select = document.createElement("select");
    select.name = "weights";
    for (const name of method.weights) select.append(new Option(name));
    select.value = "bsds500";
    select.onchange = rested;
    label.append("Weights ", select);
    rows.push(label);
  }
  $("parameters").replaceChildren(...rows);
}

$("method").onchange = () => { makeParameters(); rested(); };
$("factor").onchange = () => rested();

// What is asked for when a slider rests; only of an image that is segmented already.
let resting = null;
function rested() {
  clearTimeout(resting);
  if (model?.segmented) resting = setTimeout(() => segment(), 400);
}

function request(factor) {
  const parameters = {};
  for (const field of $("parameters").querySelectorAll("[name]"))
    parameters[field.name] = field.type === "number" ? Number(field.value) : field.value;
  return { method: $("method").value, parameters, ...(factor ? { factor } : {}) };
}

async function segment() {
  const target = model;
  try {
    await queue;
    const done = await run(tell(`images/${target.id}/segment`, request(Number($("factor").value))));
    if (!done) return;
    await enqueue(async () => {
      await target.take(done);
      target.keptCut = target.cut;
      if (target === model) { refresh(); say(`${regions(model.regions)} in ${seconds(done.seconds)}`); }
    });
  } catch (error) { complain(error); }
}

$("segment").onsubmit = (event) => { event.preventDefault(); if (model) segment(); };

$("segment-all").onclick = async () => {
  let count = 0;
  try {
    await queue;
    for (const image of session.images) {
      if (!await run(tell(`images/${image.id}/segment`, request()), `${image.name}: `)) return;
      count++;
    }
    if (model) { await model.load(); refresh(); }
    say(`${count} images segmented`);
  } catch (error) { complain(error); }
};

const seconds = (n) => `${n.toFixed(n < 10 ? 1 : 0)} s`;

// Follow a job to its end; its result, or null where it was given up.
async function run(told, before = "") {
  const mine = await told;
  job = mine;
  $("job").hidden = false;
  const timer = setInterval(() => news(), 250), began = performance.now();
  let last = mine;
  const news = () => {
    if (job !== mine) return;
    $("stage-of-job").textContent = `${before}${last.stage}, ${seconds((performance.now() - began) / 1000)}`;
    if (last.share === null) $("progress").removeAttribute("value"); else $("progress").value = last.share;
  };
  try {
    const end = await follow(mine, (told) => { last = told; news(); });
    if (end.state === "cancelled") { if (job === mine) say("Cancelled."); return null; }
    return { ...end.result, seconds: end.seconds };
  } finally {
    clearInterval(timer);
    if (job === mine) { job = null; $("job").hidden = true; }
  }
}

$("cancel").onclick = () => { if (job) tell(`jobs/${job.job}/cancel`).catch(complain); };

// --- the threshold -----------------------------------------------------------------------------------

// The slider runs along the logarithm of the number of merges that are left.
const placeOf = (cut) => 1000 - 1000 * Math.log1p(model.tree.merges - cut) / Math.log1p(model.tree.merges);
const cutOf = (place) => model.tree.merges - Math.round(Math.expm1((1000 - place) / 1000 * Math.log1p(model.tree.merges)));

let keeping = null;
function moveTo(cut) {
  model.setCut(Math.min(Math.max(cut, 0), model.tree.merges));
  viewer.draw();
  showFacts();
  clearTimeout(keeping);
  const target = model;
  keeping = setTimeout(() => { enqueue(() => target.keepCut()); say(regions(target.regions)); }, 300);
}

$("cut").oninput = () => moveTo(cutOf(Number($("cut").value)));
$("count").onchange = () => { moveTo(model.tree.cutFor(Number($("count").value))); $("count").value = model.regions; };

for (const which of ["borders", "classes", "predicted"])
  $(`show-${which}`).onchange = (event) => { viewer.shows[which] = event.target.checked; viewer.draw(); };

// --- classes and tools ---------------------------------------------------------------------------

function showClasses() {
  const choices = session.classes.map((one, k) => {
    const row = document.createElement("div");
    row.className = "row";
    const color = Object.assign(document.createElement("input"), { type: "color", value: one.color });
    color.setAttribute("aria-label", `Colour of ${one.name}`);
    color.onchange = () => enqueue(() => setClass(k, one.name, color.value));
    const name = Object.assign(document.createElement("button"), { type: "button", textContent: "Rename" });
    name.setAttribute("aria-label", `Rename ${one.name}`);
    name.onclick = () => {
      const found = prompt(`New name of ${one.name}`, one.name);
      if (found) enqueue(() => setClass(k, found, one.color));
    };
    const label = radio("class", one.name, k < 9 ? String(k + 1) : "", k === chosen, () => { chosen = k; });
    label.classList.add("grow");
    row.append(color, label, name);
    return row;
  });
  $("classes").replaceChildren(...choices);
}

function radio(group, text, key, checked, choose) {
  const label = document.createElement("label"), input = document.createElement("input");
  label.className = "choice";
  Object.assign(input, { type: "radio", name: group, checked, onchange: choose });
  label.append(input, text);
  if (key) {
    const hint = Object.assign(document.createElement("kbd"), { textContent: key.toUpperCase() });
    hint.setAttribute("aria-hidden", "true");
    input.setAttribute("aria-keyshortcuts", key);
    label.append(hint);
  }
  return label;
}

async function setClass(k, name, color) {
  session.classes = (await tell(`classes/${k}`, { name, color })).classes;
  showClasses();
  refresh();
}

$("add-class").onsubmit = (event) => {
  event.preventDefault();
  const k = session.classes.length;
  enqueue(async () => {
    await setClass(k, $("class-name").value, COLORS[(k - 2) % COLORS.length]);
    $("class-name").value = "";
    chosen = k;
    showClasses();
    say(`Class ${session.classes[k].name} added and chosen`);
  });
};

function makeTools() {
  $("tools").replaceChildren(...TOOLS.map((one) => {
    const label = radio("tool", one.name, one.key, one.id === tool, () => choose(one.id));
    label.title = one.says;
    return label;
  }));
}

function choose(id) {
  tool = id;
  const place = TOOLS.findIndex((one) => one.id === id);
  $("tools").querySelectorAll("input")[place].checked = true;
  say(`${TOOLS[place].name}: ${TOOLS[place].says}`);
}

const page = {
  get tool() { return tool; },
  get radius() { return Number($("radius").value); },
  color: () => (["label", "mark"].includes(tool) ? session.classes[chosen].color : "#ffffff"),
  say,
  whatIsAt(point) {
    const where = `column ${Math.floor(point[0])}, row ${Math.floor(point[1])}`;
    const found = model?.at(point);
    if (!found) return `${where}, no region`;
    return `${where}, region ${found.region}, ${found.class === UNKNOWN ? "no class" : session.classes[found.class].name}`;
  },
  use(path) {
    if (!model?.segmented) return complain(new Failure("Segment the image first."));
    const body = { tool, path };
    if (["label", "mark", "erase"].includes(tool)) {
      body.radius = page.radius;
      body.class = tool === "erase" ? UNKNOWN : chosen;
    }
    if (tool === "erase") body.tool = "label";
    if (tool === "split") return split(path[0]);
    return change((target) => tell(`images/${target.id}/edit`, { version: target.version, ...body }));
  },
};
new Tools(viewer, page);

// Make a step, show it and say it.
function change(make, what = "") {
  const target = model;
  return enqueue(async () => {
    await target.keepCut();
    const before = target.regions, answer = await make(target);
    await target.take(answer);
    if (target !== model) return;
    refresh();
    const done = `${what}${answer.changed.step}`;
    say(target.regions === before ? `${done}, done` : `${done}: ${regions(target.regions)}`);
  });
}

function split([x, y]) {
  const pieces = Number($("pieces").value);
  return change(async (target) => {
    const done = await run(tell(`images/${target.id}/split`, { version: target.version, x, y, pieces }));
    if (!done) throw new Failure("Cancelled.");
    return done;
  });
}

for (const which of ["undo", "redo"])
  $(which).onclick = () => change(
    (target) => tell(`images/${target.id}/${which}`, { version: target.version }), `${which} of `,
  );

// --- training and saving ---------------------------------------------------------------------------

$("train").onclick = async () => {
  try {
    await queue;
    await model?.keepCut();
    const done = await run(tell("train"));
    if (!done) return;
    await enqueue(async () => {
      await model.loadPrediction();
      refresh();
      say(`Learned ${done.classes} classes from ${done.learned_from} of ${done.predicted.length} segmented images; the prediction is hatched. Accept it, or label more.`);
    });
  } catch (error) { complain(error); }
};

$("accept").onclick = () => change((target) =>
  tell(`images/${target.id}/accept`, { version: target.version, least: Number($("least").value) / 100 }));

$("save").onsubmit = async (event) => {
  event.preventDefault();
  try {
    await queue;
    await model?.keepCut?.();
    const body = { kind: $("kind").value };
    if ($("scope").value === "one") body.image = model.id;
    const done = await run(tell("export", body));
    if (!done) return;
    if (done.written.length) say(["Saved", done.written.join(", "), ...done.notes].join(" "));
    else say([`Downloaded ${done.name}.`, ...done.notes].join(" "));
    const link = Object.assign(document.createElement("a"), { href: `api/downloads/${done.download}`, download: done.name });
    if (done.written.length) {
      link.textContent = "Download";
      $("where").replaceChildren(`${done.written.join(", ")} `, link);
    } else link.click();
  } catch (error) { complain(error); }
};

// --- keys --------------------------------------------------------------------------------------------

const KEYS = {
  "?": ["this list", () => $("keys").showModal()],
  "+": ["zoom in", () => viewer.zoom(1.25)],
  "-": ["zoom out", () => viewer.zoom(0.8)],
  0: ["the whole image", () => viewer.fit()],
  "[": ["smaller brush", () => brush(-1)],
  "]": ["larger brush", () => brush(1)],
};

function brush(by) {
  $("radius").value = Math.max(0, page.radius + by * Math.max(1, Math.round(page.radius / 4)));
  say(`Brush of radius ${page.radius}`);
}

function makeKeys() {
  const lines = [
    ["Tab", "from one control to the next; the image is one"],
    ["Arrow keys", "on the image: move the cross; with Shift by a pixel"],
    ["Enter", "on the image: use the tool at the cross; of a line, begin and end it"],
    ["Escape", "on the image: drop a line that is begun"],
    ["Ctrl+Z, Ctrl+Y", "undo, redo"],
    ...TOOLS.map((one) => [one.key.toUpperCase(), `${one.name}: ${one.says}`]),
    ["1 to 9", "the class of that number"],
    ...Object.entries(KEYS).map(([key, [text]]) => [key, text]),
    ["Wheel, right button", "zoom, and move the image with any tool"],
  ];
  $("key-list").replaceChildren(...lines.flatMap(([key, text]) => [
    Object.assign(document.createElement("dt"), { textContent: key }),
    Object.assign(document.createElement("dd"), { textContent: text }),
  ]));
}

$("help").onclick = KEYS["?"][1];
$("in").onclick = KEYS["+"][1];
$("out").onclick = KEYS["-"][1];
$("fit").onclick = KEYS[0][1];
$("canvas").oncontextmenu = (event) => event.preventDefault();

addEventListener("keydown", (event) => {
  if ($("keys").open) return;
  const field = event.target.closest("input:not([type=radio]):not([type=checkbox]):not([type=range]), select");
  if (event.ctrlKey || event.metaKey) {
    const key = event.key.toLowerCase();
    const which = key === "z" ? (event.shiftKey ? "redo" : "undo") : key === "y" ? "redo" : null;
    if (!which || field) return;
    event.preventDefault();
    if (!$(which).disabled) $(which).click();
    return;
  }
  if (field || event.altKey) return;
  const known = TOOLS.find((one) => one.key === event.key.toLowerCase());
  if (known) choose(known.id);
  else if (/^[1-9]$/.test(event.key) && session.classes[event.key - 1]) {
    chosen = event.key - 1;
    showClasses();
    say(`Class ${session.classes[chosen].name}`);
  } else if (KEYS[event.key]) KEYS[event.key][1]();
  else return;
  event.preventDefault();
});

refreshWhenReady();
async function refreshWhenReady() {
  try { await begin(); } catch (error) { complain(error); }
  document.body.dataset.ready = "yes";
}
