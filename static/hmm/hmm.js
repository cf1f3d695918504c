// Refreshes the blocks of a page while someone looks at it, and says so when the server does not answer.
"use strict";
(() => {
  const REFRESH = "hmm:refresh";
  const everyMs = 1000 * Number(document.body.dataset.refreshS || 30);
  const banner = document.getElementById("stale");
  const lastGood = new Map(); // block id -> when it last had an answer
  const failing = new Map(); // block id -> status of its failed request, 0 for none
  const loadedAt = Date.now();
  let timer;

  function isVisible() {
    return document.visibilityState === "visible";
  }

  function refresh() {
    document.body.dispatchEvent(new CustomEvent(REFRESH));
  }

  function keepFresh() {
    clearInterval(timer);
    if (isVisible()) timer = setInterval(refresh, everyMs);
  }

  function spanWords(milliseconds) {
    const seconds = Math.round(milliseconds / 1000);
    if (seconds < 60) return `${seconds} s`;
    return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
  }

  function sayHowStale() {
    banner.hidden = failing.size === 0;
    if (banner.hidden) return;
    const oldest = Math.min(...[...failing.keys()].map((id) => lastGood.get(id) || loadedAt));
    const status = Math.max(...failing.values());
    const why = status ? `the server answered with an error (${status})` : "the server does not answer";
    banner.textContent = `Last updated ${spanWords(Date.now() - oldest)} ago: ${why}.`;
  }

  document.addEventListener("visibilitychange", () => {
    if (isVisible()) refresh();
    keepFresh();
  });

  document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.successful) {
      failing.delete(detail.elt.id);
      lastGood.set(detail.elt.id, Date.now());
    } else {
      failing.set(detail.elt.id, detail.xhr.status);
    }
    sayHowStale();
  });

  // What a person has opened stays open when its block is replaced.
  let opened = [];
  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    opened = [...detail.target.querySelectorAll("details[open][id]")].map((element) => element.id);
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
  });

  setInterval(sayHowStale, 10_000);
  keepFresh();
})();
