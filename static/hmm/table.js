// The table of miners: who is selected stays so when it comes anew, and keys move among its lines.
"use strict";
(() => {
  const KEYS_OFF = "hmm-single-keys-off";
  const block = document.getElementById("miner-table");
  const chosen = new Set(); // values of the boxes that are ticked
  let left = -1; // the line that had the focus when the table was replaced, -1 for none
  let allFound = ""; // of which search all that is found was selected

  const boxes = () => [...block.querySelectorAll("[name=miner]")];
  const lines = () => [...block.querySelectorAll("tbody tr")];
  const here = () => lines().indexOf(document.activeElement.closest("tbody tr"));
  const focusLine = (line) => line?.querySelector("th a").focus();
  const links = (line) => [...line.querySelectorAll("a")];

  function searchedFor() {
    const { state, q } = document.getElementById("miner-deeds")?.elements ?? {};
    return JSON.stringify([state?.value, q?.value]);
  }

  // A farm's table would be a hundred stops of the tab key: its figures are reached from their line, by the arrows.
  function shorten() {
    for (const link of block.querySelectorAll("tbody a.explained")) link.tabIndex = -1;
  }

  function prepare() {
    shorten();
    for (const part of document.querySelectorAll("[data-scripted][hidden]")) part.hidden = false;
  }

  function say() {
    const all = boxes();
    const shown = document.getElementById("pick-shown");
    if (!shown) return;
    const found = document.getElementById("pick-found");
    const ticked = all.filter((box) => box.checked);
    chosen.clear();
    for (const box of ticked) chosen.add(box.value);
    shown.checked = ticked.length === all.length;
    shown.indeterminate = ticked.length > 0 && !shown.checked;
    const words = found?.checked ? found.parentElement.textContent.trim() : `${ticked.length || "none"} selected`;
    const picked = document.getElementById("picked");
    if (picked.textContent !== words) picked.textContent = words;
  }

  block.addEventListener("change", ({ target }) => {
    if (target.id === "pick-shown") for (const box of boxes()) box.checked = target.checked;
    say();
  });

  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.target !== block) return;
    left = here();
    allFound = document.getElementById("pick-found")?.checked ? searchedFor() : "";
  });

  document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target !== block) return;
    for (const box of boxes()) box.checked = chosen.has(box.value);
    const found = document.getElementById("pick-found");
    if (found) found.checked = searchedFor() === allFound;
    prepare();
    say();
    // Its own line has the focus again by its id, unless it is no longer shown.
    if (left >= 0 && here() < 0) focusLine(lines().at(Math.min(left, lines().length - 1)));
  });

  function step(by) {
    const all = lines();
    const next = here() < 0 ? 0 : Math.min(Math.max(here() + by, 0), all.length - 1);
    focusLine(all[next]);
    return all.length > 0;
  }

  function along(by) {
    const line = lines()[here()];
    if (!line) return false;
    const all = links(line);
    const place = all.indexOf(document.activeElement) + by;
    all[Math.min(Math.max(place, 0), all.length - 1)].focus();
    return true;
  }

  function pick() {
    const box = lines()[here()]?.querySelector("[name=miner]");
    box?.click();
    return Boolean(box);
  }

  function search() {
    const field = document.getElementById("miner-search");
    field?.focus();
    return Boolean(field);
  }

  function help() {
    document.getElementById("keys").showModal();
    return true;
  }

  const acts = {
    j: () => step(1),
    k: () => step(-1),
    ArrowDown: () => here() >= 0 && step(1),
    ArrowUp: () => here() >= 0 && step(-1),
    ArrowRight: () => along(1),
    ArrowLeft: () => along(-1),
    x: pick,
    "/": search,
    "?": help,
  };

  function isTyping(element) {
    return element.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");
  }

  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(target) || document.querySelector("dialog[open]")) return;
    if (key.length === 1 && localStorage.getItem(KEYS_OFF)) return;
    if (Object.hasOwn(acts, key) && acts[key]()) event.preventDefault();
  });

  addEventListener("pageshow", say); // going back, the browser ticks what was ticked
  prepare();

  const switcher = document.getElementById("single-keys");
  switcher.checked = !localStorage.getItem(KEYS_OFF);
  switcher.addEventListener("change", () => {
    if (switcher.checked) localStorage.removeItem(KEYS_OFF);
    else localStorage.setItem(KEYS_OFF, "1");
  });

})();
