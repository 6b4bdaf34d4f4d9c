// The playground's page: sends what a person does, and shows what the workspace says.
"use strict";

const $ = (id) => document.getElementById(id);
const me = () => document.body.dataset.as;
const place = () => document.body.dataset.in;
let version = Number(document.body.dataset.version);
const shown = {};

// One after another, so that a submit never overtakes what was chosen before it.
let before = Promise.resolve();
function act(what) {
  const mine = before.then(() => send(what));
  before = mine.catch(() => {});
  return mine;
}

async function send(what) {
  const answer = await fetch("/page/act", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ as: me(), in: place(), ...what }),
  });
  const result = await answer.json();
  await refresh();
  return result;
}

function toast(text) {
  const note = document.createElement("p");
  note.textContent = text;
  $("toasts").append(note);
  setTimeout(() => note.remove(), 6000);
}

// Redrawing. Only what changed is replaced: what somebody points at stays where it is, and what is
// being typed survives.

// Makes `old` say what `fresh` says. Whatever is equal in both keeps its node.
function merge(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  const parts = old.childNodes.length && fresh.childNodes.length;
  const same = parts && old.nodeName === fresh.nodeName && old.dataset.ts === fresh.dataset.ts;
  // What a person presses or fills in becomes nothing else under their hands.
  if (!same || old.matches("button, a, select, textarea")) {
    old.replaceWith(fresh);
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  mergeChildren(old, fresh);
}

function mergeChildren(old, fresh) {
  const had = [...old.childNodes];
  const has = [...fresh.childNodes];
  let end = null;
  while (had.length && has.length && had[0].isEqualNode(has[0])) { had.shift(); has.shift(); }
  while (had.length && has.length && had.at(-1).isEqualNode(has.at(-1))) { end = had.pop(); has.pop(); }
  while (had.length && has.length) merge(had.shift(), has.shift());
  for (const one of had) one.remove();
  for (const one of has) old.insertBefore(one, end);
}

function typed(root) {
  const kept = new Map();
  for (const input of root.querySelectorAll("input[type=text], textarea")) {
    const dirty = input.value !== input.defaultValue && !input.matches("[role=combobox]");
    kept.set(input.id, [input.value, input === document.activeElement, input.selectionStart, dirty]);
  }
  return kept;
}

function draw(id, html) {
  if (shown[id] === html) return;
  const anew = !shown[id];
  shown[id] = html;
  const root = $(id);
  const scroll = root.querySelector("#scroll");
  const atEnd = !scroll || scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
  const kept = typed(root);
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  if (anew) root.replaceChildren(fresh.content);
  else mergeChildren(root, fresh.content);
  for (const [key, [value, focused, caret]] of kept) {
    const input = key && document.getElementById(key);
    if (!input || input === document.activeElement) continue;
    if (id === "pane") input.value = value;
    if (focused) { input.focus(); input.setSelectionRange(caret, caret); }
  }
  const list = root.querySelector("#scroll");
  if (list && atEnd) list.scrollTop = list.scrollHeight;
}

function modalKey(html) {
  const found = html.match(/data-key="([^"]*)"/);
  return found ? found[1] : "";
}

async function drawModal(html) {
  const before = shown.modal ? modalKey(shown.modal) : "";
  const after = modalKey(html);
  if (before === after) { shown.modal = html; return; }
  const sameView = before.split(":")[0] === after.split(":")[0];
  const kept = sameView ? typed($("modal")) : new Map();
  shown.modal = html;
  $("modal").innerHTML = html;
  document.querySelector(".app").inert = Boolean(after);
  for (const [key, [value, focused, caret, dirty]] of kept) {
    const input = key && document.getElementById(key);
    // As in Slack: an input that is still there keeps what is being typed into it.
    if (dirty && input) input.value = value;
    if (focused && input) { input.focus(); input.setSelectionRange(caret, caret); }
  }
  if (!after) { $("compose")?.focus(); return; }
  const wrong = $("modal").querySelector(".field-wrong input, .field-wrong textarea, .field-wrong select");
  const first = $("modal").querySelector("[data-focus], .modal-body input, .modal-body select, .modal-body textarea");
  if (wrong) wrong.focus();
  else if (!sameView) (first || $("modal").querySelector(".close")).focus();
}

async function refresh(wait) {
  const since = wait ? `&since=${version}` : "";
  const answer = await fetch(`/page/parts?as=${me()}&in=${place()}${since}`);
  if (answer.status === 204) return;
  const parts = await answer.json();
  if (parts.as !== me() || parts.in !== place()) return;
  version = parts.version;
  draw("rail", parts.rail);
  draw("pane", parts.pane);
  await drawModal(parts.modal);
}

async function follow() {
  for (;;) {
    try { await refresh(true); }
    catch { await new Promise((done) => setTimeout(done, 1000)); }
  }
}

// Values: what is filled in is kept by the workspace, so that a redraw loses nothing.

function valueOf(input) {
  const type = input.dataset.type;
  if (type === "checkboxes" || type === "multi_static_select") {
    const all = input.closest(".choices").querySelectorAll("input:checked");
    return [...all].map((one) => one.value);
  }
  if (type === "datetimepicker") return input.value ? { local: input.value } : null;
  return input.value || null;
}

function fill(input, value) {
  const { target, block, action } = input.dataset;
  return act({ do: "fill", target, block, action, value });
}

function told(result) {
  if (result.error) toast(result.error);
}

function confirmed(element) {
  if (!element.dataset.confirm) return Promise.resolve(true);
  const ask = JSON.parse(element.dataset.confirm);
  $("confirm-title").textContent = ask.title.text;
  $("confirm-text").textContent = ask.text.text;
  $("confirm-yes").textContent = ask.confirm.text;
  $("confirm-no").textContent = ask.deny.text;
  $("confirm-yes").className = `button button-${ask.style || "primary"}`;
  return new Promise((done) => {
    const close = (answer) => { $("confirm").close(); done(answer); };
    $("confirm-yes").onclick = () => close(true);
    $("confirm-no").onclick = () => close(false);
    $("confirm").oncancel = () => done(false);
    $("confirm").showModal();
  });
}

async function pressed(element) {
  if (element.getAttribute("aria-busy") === "true") return;
  if (!(await confirmed(element))) return;
  element.setAttribute("aria-busy", "true");
  const { target, block, action, value } = element.dataset;
  const what = element.closest(".overflow") ? { do: "fill", value } : { do: "click" };
  told(await act({ ...what, target, block, action }));
  element.removeAttribute("aria-busy");
}

// External selects: each keystroke asks the app.

const waiting = new Map();

function options(input, list) {
  const box = input.parentElement.querySelector("[role=listbox]");
  box.replaceChildren();
  for (const option of list) {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.dataset.testid = "option";
    item.id = `${box.id}-${box.children.length}`;
    item.option = option;
    item.textContent = option.text.text;
    if (option.description) {
      const small = document.createElement("small");
      small.textContent = option.description.text;
      item.append(small);
    }
    box.append(item);
  }
  return box;
}

function note(input, text) {
  const box = options(input, []);
  const item = document.createElement("li");
  item.className = "note";
  item.textContent = text;
  box.append(item);
  open(input, true);
}

function open(input, yes) {
  input.parentElement.querySelector("[role=listbox]").hidden = !yes;
  input.setAttribute("aria-expanded", String(yes));
  if (!yes) input.removeAttribute("aria-activedescendant");
}

function suggest(input) {
  clearTimeout(waiting.get(input));
  const query = input.value;
  if (query.length < Number(input.dataset.min)) {
    note(input, `Type at least ${input.dataset.min} characters`);
    return;
  }
  waiting.set(input, setTimeout(async () => {
    const { target, block, action } = input.dataset;
    const result = await send({ do: "suggest", target, block, action, query });
    if (input.value !== query || document.activeElement !== input) return;
    if (result.error) { note(input, result.error); return; }
    if (!result.options.length) { note(input, "No results"); return; }
    options(input, result.options);
    open(input, true);
  }, 120));
}

async function pick(input, option) {
  const combo = input.closest(".combo");
  open(input, false);
  if (!combo.dataset.many) {
    input.value = input.dataset.chosen = option.text.text;
    told(await fill(input, option));
    return;
  }
  const chip = document.createElement("button");
  chip.type = "button";
  chip.className = "chip";
  chip.textContent = option.text.text;
  chip.dataset.option = JSON.stringify(option);
  combo.querySelector(".chips").append(chip);
  input.value = "";
  told(await fill(input, chips(combo)));
}

function chips(combo) {
  return [...combo.querySelectorAll(".chip")].map((chip) => JSON.parse(chip.dataset.option));
}

// Whoever leaves a search finds what is chosen there again; emptied means none.
async function left(input) {
  if (input === document.activeElement) return;
  open(input, false);
  if (input.closest(".combo").dataset.many) { input.value = ""; return; }
  const chosen = input.dataset.chosen || "";
  if (input.value === "" && chosen) {
    input.dataset.chosen = "";
    told(await fill(input, null));
  } else input.value = chosen;
}

function move(input, step) {
  const items = [...input.parentElement.querySelectorAll("[role=option]")];
  if (!items.length) return;
  const now = items.findIndex((item) => item.getAttribute("aria-selected") === "true");
  const next = items[(now + step + items.length) % items.length];
  items.forEach((item) => item.setAttribute("aria-selected", String(item === next)));
  input.setAttribute("aria-activedescendant", next.id);
  next.scrollIntoView({ block: "nearest" });
}

// Modals.

async function submit(form) {
  const button = form.querySelector("[data-testid=modal-submit]");
  if (!button || button.getAttribute("aria-busy") === "true") return;
  button.setAttribute("aria-busy", "true");
  const values = [...form.querySelectorAll("[data-type=plain_text_input], [data-type=number_input]")]
    .map((input) => ({ block: input.dataset.block, action: input.dataset.action, value: input.value || null }));
  const result = await act({ do: "submit", target: form.dataset.view, values });
  button.removeAttribute("aria-busy");
  const trouble = $("modal-trouble");
  if (trouble && form.isConnected) {
    trouble.hidden = !result.error;
    trouble.textContent = result.error || "";
  }
}

// Events, all from the document: parts are redrawn at any time.

document.addEventListener("click", async (event) => {
  const at = (selector) => event.target.closest(selector);
  const link = at("[data-place]");
  if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    go(link.dataset.place);
    return;
  }
  if (at("#rail-toggle")) {
    const open = $("rail").classList.toggle("open");
    $("rail-toggle").setAttribute("aria-expanded", String(open));
    return;
  }
  const search = at("[role=combobox]");
  if (search) { search.select(); suggest(search); return; }
  const item = at("[role=option]");
  if (item) { pick(item.closest(".combo").querySelector("[role=combobox]"), item.option); return; }
  const chip = at(".chip");
  if (chip) {
    const combo = chip.closest(".combo");
    chip.remove();
    told(await fill(combo.querySelector("[role=combobox]"), chips(combo)));
    return;
  }
  const close = at("[data-close]");
  if (close) {
    const view = close.closest("[data-view]").dataset.view;
    told(await act({ do: "close", target: view, all: close.dataset.close === "all" }));
    return;
  }
  const button = at("button[data-action], a[data-action]");
  if (button) pressed(button);
});

document.addEventListener("focusout", (event) => {
  const input = event.target;
  if (!input.matches("[role=combobox]")) return;
  setTimeout(() => input.isConnected && left(input), 200);
});
document.addEventListener("input", (event) => {
  const input = event.target;
  if (input.matches("[role=combobox]")) suggest(input);
});
document.addEventListener("change", async (event) => {
  const input = event.target;
  if (input.id === "person-switch") { location.href = `/?as=${input.value}&in=${place()}`; return; }
  if (!input.dataset.action || input.matches("[role=combobox]")) return;
  if (!(await confirmed(input))) { shown.pane = ""; shown.modal = ""; await refresh(); return; }
  told(await fill(input, valueOf(input)));
});
document.addEventListener("keydown", (event) => {
  const input = event.target;
  if (input.matches("[role=combobox]")) {
    const list = input.parentElement.querySelector("[role=listbox]");
    if (event.key === "ArrowDown") {
      event.preventDefault();
      if (list.hidden) suggest(input);
      else move(input, 1);
    }
    if (event.key === "ArrowUp") { event.preventDefault(); move(input, -1); }
    if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      const chosen = list.querySelector("[aria-selected=true]") || list.querySelector("[role=option]");
      if (chosen) pick(input, chosen.option);
    }
    if (event.key === "Escape" && !list.hidden) { event.stopPropagation(); open(input, false); return; }
  }
  if (event.key === "Escape" && !$("confirm").open) document.querySelector("[data-testid=modal-close]")?.click();
  if (event.key === "Tab") trap(event);
});
document.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (event.target.matches(".modal")) { submit(event.target); return; }
  if (event.target.id !== "composer") return;
  const text = $("compose").value.trim();
  if (!text) return;
  $("compose").value = "";
  told(await act({ do: "say", text }));
});

function trap(event) {
  const modal = document.querySelector(".modal");
  if (!modal || $("confirm").open) return;
  const stops = [...modal.querySelectorAll("button, input, select, textarea, a[href]")].filter((one) => !one.disabled && one.offsetParent);
  const last = stops[stops.length - 1];
  if (event.shiftKey && document.activeElement === stops[0]) { event.preventDefault(); last.focus(); }
  else if (!event.shiftKey && document.activeElement === last) { event.preventDefault(); stops[0].focus(); }
}

async function go(where) {
  document.body.dataset.in = where;
  history.pushState(null, "", `/?as=${me()}&in=${where}`);
  $("rail").classList.remove("open");
  if (where === "home") told(await act({ do: "home" }));
  else await refresh();
  const list = $("scroll");
  if (list) list.scrollTop = list.scrollHeight;
}

window.addEventListener("popstate", () => location.reload());
for (const id of ["rail", "pane", "modal"]) shown[id] = $(id).innerHTML;
shown.modal = $("modal").innerHTML;
document.querySelector(".app").inert = Boolean(modalKey(shown.modal));
if ($("scroll")) $("scroll").scrollTop = $("scroll").scrollHeight;
if (place() === "home") act({ do: "home" });
follow();
