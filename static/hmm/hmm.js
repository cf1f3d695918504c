// Refreshes the blocks of a page while someone looks at it, and says so when the server does not answer.
"use strict";
(() => {
  const REFRESH = "hmm:refresh";
  const SLOW_MS = 4000;
  const TOAST_MS = 8000;
  const everyMs = 1000 * Number(document.body.dataset.refreshS || 30);
  const banner = document.getElementById("stale");
  const lastGood = new Map(); // block id -> when it last had an answer
  const failing = new Map(); // block id -> status of its failed request, 0 for none
  const waiting = new Map(); // request -> since when it waits
  const tags = new Map(); // block id -> entity tag of what it shows
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
    const seconds = Math.max(0, Math.round(milliseconds / 1000));
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
    return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} days`;
  }

  function isKeptFresh(id) {
    return Boolean(document.getElementById(id)?.matches("[hx-trigger*=refresh], [hx-trigger*=every]"));
  }

  function troubleWords() {
    const slow = [...waiting.values()].some((since) => Date.now() - since > SLOW_MS);
    if (failing.size === 0) return slow ? "The server is slow to answer; still waiting …" : "";
    const stale = [...failing.keys()].filter(isKeptFresh);
    const oldest = Math.min(...stale.map((id) => lastGood.get(id) || loadedAt));
    const status = Math.max(...failing.values());
    let why = status ? `the server answered with an error (${status})` : "the server does not answer";
    if (!status && !navigator.onLine) why = "this device is offline";
    return stale.length ? `Last updated ${spanWords(Date.now() - oldest)} ago: ${why}.` : `That did not work: ${why}.`;
  }

  function sayHowStale() {
    const words = troubleWords();
    banner.hidden = !words;
    if (words && banner.textContent !== words) banner.textContent = words;
  }

  // Ages go on between refreshes: hmm/lib/ages.py says them the same way.
  function keepAges() {
    for (const time of document.querySelectorAll("time[data-ago], time[data-for]")) {
      const age = Date.now() - Date.parse(time.dateTime);
      const past = age < 5000 ? "now" : `${spanWords(age)} ago`;
      const words = "ago" in time.dataset ? past : `for ${spanWords(age)}`;
      if (time.textContent !== words) time.textContent = words;
    }
  }

  function dropLater(toast) {
    setTimeout(() => toast.contains(document.activeElement) || toast.remove(), TOAST_MS);
  }

  document.addEventListener("visibilitychange", () => {
    if (isVisible()) refresh();
    keepFresh();
  });

  document.addEventListener("click", ({ target }) => {
    target.closest("[data-dismiss]")?.parentElement.remove();
    const opens = target.closest("[data-dialog]");
    if (opens) document.getElementById(opens.dataset.dialog).showModal();
  });

  // A refresh of what has not changed is answered by a word (304), and leaves the page as it is.
  document.body.addEventListener("htmx:configRequest", ({ detail }) => {
    const tag = tags.get(detail.target.id);
    if (tag && detail.triggeringEvent?.type === REFRESH) detail.headers["If-None-Match"] = tag;
  });

  document.body.addEventListener("htmx:beforeRequest", ({ detail }) => waiting.set(detail.xhr, Date.now()));

  document.body.addEventListener("htmx:afterRequest", ({ detail }) => {
    waiting.delete(detail.xhr);
    const block = detail.target.id;
    if (detail.successful) {
      failing.delete(block);
      lastGood.set(block, Date.now());
      // What was asked for once, as by a click, is not asked for again: its failure is over when the server answers anything.
      for (const id of failing.keys()) if (!isKeptFresh(id)) failing.delete(id);
      if (detail.xhr.status === 200) tags.set(block, detail.xhr.getResponseHeader("ETag"));
    } else {
      failing.set(block, detail.xhr.status);
    }
    sayHowStale();
  });

  // Given up for a newer request, which says how it goes.
  document.body.addEventListener("htmx:sendAbort", ({ detail }) => {
    failing.delete(detail.target.id);
    sayHowStale();
  });

  // What has no id is known again by where it leads, or by what it is called.
  function signOf(element) {
    const name = element.hasAttribute("href") ? "href" : "aria-label";
    return element.hasAttribute(name) ? `[${name}="${CSS.escape(element.getAttribute(name))}"]` : "";
  }

  // What a person has opened, scrolled or focused stays so when its block is replaced; htmx keeps the focus of what has an id.
  let opened = [];
  let scrolled = [];
  let focused = "";
  document.body.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    const active = document.activeElement;
    opened = [...target.querySelectorAll("details[open][id]")].map((element) => element.id);
    scrolled = [...target.querySelectorAll(".scroll[aria-label]")].map((element) => [signOf(element), element.scrollLeft, element.scrollTop]);
    focused = target.contains(active) && !active.id ? signOf(active) : "";
  });
  document.body.addEventListener("htmx:afterSwap", ({ detail }) => {
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    for (const [sign, left, top] of scrolled) document.querySelector(sign)?.scrollTo(left, top);
    if (focused && document.activeElement === document.body) document.querySelector(focused)?.focus({ preventScroll: true });
    const dialog = detail.target.closest("dialog");
    if (dialog && !dialog.open) open(dialog);
    keepAges();
  });

  // The browser gives the focus back to what opened a dialog, unless its block came anew meanwhile.
  function open(dialog) {
    const opener = document.activeElement;
    dialog.showModal();
    const giveBack = () => opener.isConnected || document.getElementById(opener.id)?.focus();
    dialog.addEventListener("close", giveBack, { once: true });
  }

  new MutationObserver((changes) => {
    for (const toast of changes.flatMap((change) => [...change.addedNodes])) if (toast.nodeType === 1) dropLater(toast);
  }).observe(document.getElementById("toasts"), { childList: true });
  document.querySelectorAll(".toast").forEach(dropLater);

  setInterval(sayHowStale, 2000);
  setInterval(keepAges, 5000);
  keepFresh();
})();
