// Before anything is drawn: light or dark as it was chosen here, or else as the system is.
"use strict";
(() => {
  try {
    const chosen = localStorage.getItem("lakehouse theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch { /* storage is closed to this page: the system decides */ }
})();
