// In place of live.js where `site --serve` is asked: a page is loaded again when there is a new one.
"use strict";
(() => {
  let version;
  const look = async () => {
    try {
      const now = await (await fetch("/version", { cache: "no-store" })).text();
      if (version !== undefined && now !== version) location.reload();
      version = now;
    } catch { /* the server has ended: the page stays as it is */ }
  };
  look();
  setInterval(look, 2000);
})();
