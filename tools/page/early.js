// Python begins to load while JupyterLab still does, where the page shows a notebook: its kernel is handed this worker.

window._JUPYTERLAB ??= {};
window._JUPYTERLAB["mnist-scratch-early"] = (() => {
  const KERNEL = "@jupyterlite/pyodide-kernel-extension";
  const page = JSON.parse(document.getElementById("jupyter-config-data").textContent);
  const { pyodideUrl, loadPyodideOptions } = page.litePluginSettings[`${KERNEL}:kernel`];
  const base = new URL(page.baseUrl, location);

  let early = null;

  function begin() {
    const lockFileURL = new URL(loadPyodideOptions.lockFileURL, base).href;
    const address = new URL("worker.mjs", new URL(pyodideUrl, base));
    early = new Worker(address, { type: "module", name: JSON.stringify({ ...loadPyodideOptions, lockFileURL }) });
    early.addEventListener("error", () => {
      early = null; // it could not be loaded: the kernel takes the usual one
    });
  }

  if (new URLSearchParams(location.search).get("path")?.endsWith(".ipynb")) {
    // A worker that is begun before the service worker holds the page would not find the course's files. It is the way to
    // them even where memory is shared: see stop.js. On a first visit it comes after a while.
    const files = navigator.serviceWorker;
    if (files?.controller) begin();
    else files?.addEventListener("controllerchange", begin, { once: true });
    const { Worker: Usual } = window;
    window.Worker = new Proxy(Usual, {
      construct(_, [program, options]) {
        if (!String(program).includes(KERNEL)) return new Usual(program, options);
        window.Worker = Usual;
        files?.removeEventListener("controllerchange", begin);
        if (!early) return new Usual(program, options);
        early.postMessage({ program: String(program) });
        return early;
      },
    });
  }
  return { init: () => {}, get: async () => () => [] };
})();
