// Gives the admin's pages the theme of HMM's own, before anything is drawn.
"use strict";
document.documentElement.dataset.theme = document.querySelector("meta[name=hmm-theme]").content;
