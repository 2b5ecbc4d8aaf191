// Everything shown is set as text, never as HTML, so that no title or name can run.

const $ = (id) => document.getElementById(id);
const TONES = ["var(--a)", "var(--b)", "var(--c)", "var(--d)"];
const LIST = 12;
const items = new Map();
let turn = 0;

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

async function ask(path, options) {
  const answer = await fetch(path, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `the service answered ${answer.status}`);
  return body;
}

const part = encodeURIComponent;

function itemOf(id) {
  if (!items.has(id)) items.set(id, ask(`/v1/items/${part(id)}`));
  return items.get(id);
}

const withItems = (hits) => Promise.all(hits.map(async (hit) => ({ ...hit, item: await itemOf(hit.item_id) })));

async function guarded(work) {
  $("problem").hidden = true;
  try {
    await work();
  } catch (error) {
    $("problem").textContent = error instanceof TypeError ? "the service does not answer: is it still running?" : error.message;
    $("problem").hidden = false;
  }
}

// --- cards -------------------------------------------------------------------------------------------------------

const of = (item, type) => Object.entries(item.media).map(([name, medium]) => ({ name, ...medium })).filter((medium) => medium.type === type);

function picture(item) {
  const [first] = of(item, "image");
  const letter = make("span", { class: "letter", "aria-hidden": "true" }, [...item.title][0] ?? "?");
  if (!first) return make("div", { class: "picture" }, letter);
  const image = make("img", { src: first.url, alt: "", loading: "lazy", onerror: () => image.replaceWith(letter) });
  return make("div", { class: "picture" }, image);
}

function players(item, { clips: withClips = true } = {}) {
  const media = [...(withClips ? of(item, "video") : []), ...of(item, "audio")];
  const shown = media.flatMap(({ name, type, url }) => {
    const [told, preload] = type === "video" ? ["Clip", "metadata"] : ["Sound", "none"];
    const player = make(type, { src: url, controls: "", preload, "aria-label": `${told} of ${item.title}${media.length > 1 ? `: ${name}` : ""}` });
    return media.length > 1 ? [make("small", {}, name), player] : [player];
  });
  return shown.length ? make("div", { class: "media" }, ...shown) : null;
}

function sentence(labels) {
  return labels.flatMap((label, index) => [index === 0 ? "" : index === labels.length - 1 ? " and " : ", ", make("b", {}, label)]);
}

function why(reasons) {
  if (!reasons.length) return null;
  const kinds = (kind) => reasons.filter((reason) => reason.kind === kind);
  const box = make("div", { class: "why" });
  for (const reason of kinds("new")) box.append(make("p", {}, reason.text));
  const liked = kinds("liked");
  if (liked.length) box.append(make("p", { class: "liked" }, "because you liked ", ...sentence(liked.map((reason) => reason.label))));
  for (const reason of ["popular", "words", "taste"].flatMap(kinds)) box.append(make("p", {}, reason.text));
  const parts = kinds("part");
  const bars = make("div", { class: "bars" });
  [...parts].sort((a, b) => (a.of < b.of ? -1 : 1)).forEach((reason, index) => {
    const size = Math.abs(reason.share ?? reason.amount);
    const bar = make("i", { "aria-hidden": "true" });
    bar.style.setProperty("--share", `${Math.min(100, 100 * size)}%`);
    bar.style.setProperty("--tone", (reason.share ?? reason.amount) < 0 ? "var(--dim)" : TONES[index % TONES.length]);
    const shown = reason.share === null ? reason.amount.toFixed(2).replace(/^-(0\.00)$/, "$1") : `${Math.round(100 * reason.share)} %`;
    bars.append(make("span", { title: reason.label }, reason.label), bar, make("span", {}, shown));
  });
  if (parts.length) box.append(bars);
  return box;
}

function card({ item, rank, score, reasons = [] }, { small = false, sub = null } = {}) {
  const face = picture(item);
  if (rank) face.append(make("span", { class: "rank" }, String(rank)));
  if (of(item, "video").length) face.append(make("span", { class: "rank clip" }, "▶ clip"));
  const line = sub ?? (score === undefined ? null : `score ${score.toPrecision(3)}`);
  const open = make("button", { class: "open", type: "button", "data-item": item.item_id, onclick: () => guarded(() => show(item.item_id)) },
    face, make("span", { class: "name" }, item.title));
  return make("article", { class: "card" }, open, line ? make("span", { class: "sub" }, line) : null, small ? null : players(item, { clips: false }), why(reasons));
}

function fill(section, title, note, body, close) {
  const shut = close ? make("button", { class: "quiet", type: "button", onclick: close }, "Close") : null;
  section.replaceChildren(make("div", { class: "head" }, make("div", {}, make("h2", {}, title), note ? make("p", { class: "dim" }, note) : null), shut), ...body);
  section.hidden = false;
}

const grid = (hits, options) => make("div", { class: "grid" }, ...hits.map((hit) => card(hit, options)));
const strip = (cards) => make("div", { class: "strip", tabindex: "0", role: "group", "aria-label": "scrolls sideways" }, ...cards);

// --- a user ------------------------------------------------------------------------------------------------------

function when(event) {
  const words = [event.kind, event.liked ? null : "not liked"];
  if (event.timestamp !== null) words.push(new Date(1000 * event.timestamp).toISOString().slice(0, 10).replaceAll("-", "\u2011"));
  return words.filter(Boolean).join(" · ");
}

const isKnown = async (user) => (await ask(`/v1/users?limit=1&query=${part(user)}`)).users[0]?.user_id === user;

async function choose(user) {
  const mine = ++turn;
  location.hash = `user=${part(user)}`;
  for (const button of $("people").querySelectorAll("button")) button.setAttribute("aria-current", String(button.dataset.user === user));
  const answer = await ask(`/v1/recommend/${part(user)}?k=${LIST}`);
  const events = answer.fallback && !(await isKnown(user)) ? [] : (await ask(`/v1/users/${part(user)}/history?limit=20`)).events;
  const [hits, past] = [await withItems(answer.items), await withItems(events)];
  if (mine !== turn) return;
  if (past.length) {
    fill($("past"), `What ${user} met before`, "newest first", [strip(past.map((event) => card({ item: event.item }, { small: true, sub: when(event) })))]);
  } else $("past").hidden = true;
  const notice = answer.fallback ? [make("p", { class: "notice" }, `Too little is known of ${user}, so this is what most people like.`)] : [];
  const none = hits.length ? [] : [make("p", { class: "notice" }, "There is nothing left to recommend.")];
  fill($("recommended"), `Recommended for ${user}`, null, [...notice, ...none, grid(hits)]);
}

async function listPeople() {
  const found = await ask(`/v1/users?limit=50&query=${part($("who").value)}`);
  const rows = found.users.map(({ user_id, liked }) => make("li", {}, make("button", {
    type: "button", "data-user": user_id, "aria-current": String(location.hash === `#user=${part(user_id)}`), onclick: () => guarded(() => choose(user_id)),
  }, make("span", {}, user_id), make("small", {}, `${liked} liked`))));
  $("people").replaceChildren(...rows);
  const rest = found.total - found.users.length;
  $("more").textContent = found.total === 0 ? "Nobody of that name. Enter asks for them all the same." : rest > 0 ? `and ${rest.toLocaleString("en")} more: type to find them` : "";
  return found.users;
}

function steps(event) {
  const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!move) return;
  event.preventDefault();
  const stops = [$("who"), ...$("people").querySelectorAll("button")];
  stops[Math.max(0, Math.min(stops.length - 1, stops.indexOf(document.activeElement) + move))].focus();
}

// --- search and one item -----------------------------------------------------------------------------------------

const clear = () => { $("found").hidden = true; $("text").value = ""; };

async function search(title, options) {
  fill($("found"), "Searching …", null, [], clear);
  const answer = await ask("/v1/search", { method: "POST", ...options }).catch((error) => { clear(); throw error; });
  fill($("found"), title, null, [grid(await withItems(answer.items))], clear);
  $("main").focus({ preventScroll: true });
  window.scrollTo({ top: 0 });
}

const searchText = (text) => search(`Found for “${text}”`, { headers: { "content-type": "application/json" }, body: JSON.stringify({ text, k: LIST }) });

function searchFile(field, said, file) {
  const form = new FormData();
  form.append(field, file);
  form.append("k", String(LIST));
  return search(`${said} like ${file.name}`, { body: form });
}

async function show(id) {
  const item = await itemOf(id);
  const fields = Object.entries(item.fields).filter(([, value]) => value !== null && value !== "" && value !== item.title);
  const list = make("dl", {}, ...[["id", id], ...fields].flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))]));
  const images = of(item, "image").map(({ url }) => make("img", { src: url, alt: item.title }));
  const close = make("button", { class: "quiet", type: "button", onclick: () => $("item").close() }, "Close");
  const more = make("section", {});
  $("item").replaceChildren(make("div", { class: "sheet" },
    make("div", { class: "top" }, make("h2", {}, item.title), close),
    make("div", { class: "two" }, make("div", { class: "media" }, ...images, players(item)), list), more));
  if (!$("item").open) $("item").showModal();
  $("item").scrollTop = 0;
  const alike = await ask(`/v1/similar/${part(id)}?k=8`).catch((error) => ({ items: [], problem: error.message }));
  const hits = await withItems(alike.items);
  const note = alike.problem ?? (hits.length ? null : "nothing is known to be like it");
  fill(more, "Similar items", note, hits.length ? [strip(hits.map((hit) => card(hit, { small: true })))] : []);
}

// --- start -------------------------------------------------------------------------------------------------------

async function start() {
  const about = await ask("/ready");
  const count = (n) => n.toLocaleString("en");
  $("about").textContent = `${about.name} · ${about.model} · ${count(about.items)} items · ${count(about.users)} users`;
  document.title = `Palate: ${about.name}`;
  $("text").hidden = $("go").hidden = !about.search.includes("text");
  for (const field of ["image", "sound"]) $(`by-${field}`).hidden = !about.search.includes(field);
  $("search").hidden = about.search.length === 0;
  const people = await listPeople();
  const wanted = new URLSearchParams(location.hash.slice(1)).get("user") ?? people[0]?.user_id;
  if (wanted) await choose(wanted);
}

let pause;
$("who").addEventListener("input", () => { clearTimeout(pause); pause = setTimeout(() => guarded(listPeople), 150); });
$("who").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.value.trim()) guarded(() => choose(event.target.value.trim()));
});
document.querySelector("aside").addEventListener("keydown", steps);
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text) guarded(() => searchText(text));
});
for (const [field, said] of [["image", "Looks"], ["sound", "Sounds"]]) {
  $(field).addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) guarded(() => searchFile(field, said, file));
    event.target.value = "";
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !["INPUT", "TEXTAREA"].includes(document.activeElement.tagName) && !$("text").hidden) {
    event.preventDefault();
    $("text").focus();
  }
});
$("item").addEventListener("click", (event) => { if (event.target === $("item")) $("item").close(); });
guarded(start);
