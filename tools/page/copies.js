// Which version of the course a notebook is, and the way back to the course's own.
//
// What a reader saves is kept in the browser, and from then on JupyterLite opens that and not the course's file, even
// when the course has a newer one. A line above the first cell says so and lets the reader have both: theirs goes into
// a file beside it, and the course's takes its place.

window._JUPYTERLAB ??= {};
window._JUPYTERLAB["mnist-scratch-copies"] = (() => {
  const KEY = "mnist-scratch"; // of the version in a notebook's metadata, written by tools/lite.py
  const COMMAND = `${KEY}:original`;
  const LABEL = "Start Again from the Original";

  const STYLE = `
  .course-version:not([hidden]) {
    display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 12px; padding: 4px 12px;
    font: var(--jp-ui-font-size1) / 1.4 var(--jp-ui-font-family); color: var(--jp-ui-font-color1);
  }
  .course-version.course-news {
    margin-top: 6px; padding: 8px 12px; background: var(--jp-layout-color1);
    border: 1px solid var(--jp-border-color1); border-left: 4px solid var(--jp-brand-color1);
  }
  .course-version button {
    font: inherit; padding: 0; border: 0; background: none; cursor: pointer;
    color: var(--jp-content-link-color); text-decoration: underline;
  }
  .course-version.course-news button { padding: 4px 10px; border: 1px solid; border-radius: 2px; text-decoration: none; }
  .course-version button:focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: 2px; }
  `;

  // -------------------------------------------------------------------------------------------- notebooks as data

  const joined = (text) => (Array.isArray(text) ? text.join("") : text); // files have lists of lines

  const words = (notebook) => JSON.stringify(notebook.cells.map((cell) => [cell.cell_type, joined(cell.source)]));

  // words and what was printed below them; not the numbers of runs
  const everything = (notebook) => {
    const printed = ({ text, data, ename, evalue }) => [
      joined(text),
      Object.entries(data ?? {})
        .map(([type, value]) => [type, joined(value)])
        .sort(),
      [ename, evalue],
    ];
    return JSON.stringify([words(notebook), notebook.cells.map((cell) => (cell.outputs ?? []).map(printed))]);
  };

  const named = (version) => (version ? `version ${version.date} (${version.fingerprint})` : "an older version");

  // --------------------------------------------------------------------------------------------- files in the browser

  const read = async (contents, path) => (await contents.get(path, { content: true })).content;

  const holds = async (contents, path, notebook) =>
    JSON.stringify(await read(contents, path)) === JSON.stringify(notebook);

  /** Write a notebook and read it back; throws unless it is there, word for word. */
  async function write(contents, path, notebook) {
    await contents.save(path, { type: "notebook", format: "json", content: notebook });
    if (!(await holds(contents, path, notebook))) throw new Error(`${path} could not be read back`);
  }

  /** The path of a file that is not there yet, for a copy beside a notebook. */
  async function freePath(contents, path) {
    const name = baseName(path);
    const folder = path.slice(0, -name.length);
    const files = await read(contents, folder.slice(0, -1));
    const taken = new Set(files.map((file) => file.name));
    const day = new Date().toLocaleDateString("sv"); // 2026-11-29
    const copy = (n) => name.replace(/\.ipynb$/, ` (my copy ${day}${n > 1 ? `, ${n}` : ""}).ipynb`);
    let n = 1;
    while (taken.has(copy(n))) n += 1;
    return folder + copy(n);
  }

  /** Let a file's checkpoints, which end with it, go along with its copy; then both files hold what they held. */
  async function copyCheckpoints(contents, path, copy) {
    const [there, beside] = [await read(contents, path), await read(contents, copy)];
    const earlier = [];
    for (const { id } of await contents.listCheckpoints(path)) {
      await contents.restoreCheckpoint(path, id); // the one way to read it
      earlier.push(await read(contents, path));
    }
    await write(contents, path, there);
    for (const one of earlier) {
      await write(contents, copy, one);
      await contents.createCheckpoint(copy);
    }
    await write(contents, copy, beside);
  }

  /** Let a file hold what it held before something went wrong; whether it does, with as many checkpoints. */
  async function putBack(contents, path, notebook, checkpoints) {
    try {
      if (!(await holds(contents, path, notebook))) await write(contents, path, notebook);
      return (await contents.listCheckpoints(path)).length === checkpoints.length;
    } catch {
      return false;
    }
  }

  /** Whether the browser keeps a copy of a file: what it keeps has no address on the site. */
  async function isKept(contents, path) {
    const address = await contents.getDownloadUrl(path);
    URL.revokeObjectURL(address);
    return address.startsWith("blob:");
  }

  const baseName = (path) => path.slice(path.lastIndexOf("/") + 1);

  // ------------------------------------------------------------------------------------------------- other open pages

  // two pages must not choose the same name for a copy
  const oneAtATime = (work) => (navigator.locks ? navigator.locks.request(KEY, work) : work());

  /** Let other pages know that a notebook is open here, until the promise is done. */
  const holdOpen = (name, closed) => navigator.locks?.request(name, { mode: "shared" }, () => closed);

  /** Whether a notebook is open in another page, too, which would go on saving it. */
  async function isOpenElsewhere(name) {
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    return new Set(held.filter((lock) => lock.name === name).map((lock) => lock.clientId)).size > 1;
  }

  // ------------------------------------------------------------------------------------- what a reader has chosen

  const chosen = new Map(); // where a browser keeps nothing, it lasts as long as the page

  function remember(key, choice) {
    chosen.set(key, choice);
    try {
      localStorage.setItem(key, choice);
    } catch {} // forbidden, or full
  }

  function recall(key) {
    try {
      return localStorage.getItem(key) ?? chosen.get(key);
    } catch {
      return chosen.get(key);
    }
  }

  // -------------------------------------------------------------------------------------------- what the site has

  /** The course as the site has it now, whatever the browser has kept of it. */
  class Course {
    constructor(address) {
      this.address = address;
      this.forget();
    }

    /** Ask the site anew from here on. */
    forget() {
      this.asked = new Map();
    }

    /** {path of a notebook: {date, fingerprint}}; null when the site does not answer. */
    versions() {
      return this.ask("api/versions.json").catch(() => null);
    }

    original(path) {
      return this.ask(`files/${path.split("/").map(encodeURIComponent).join("/")}`);
    }

    ask(path) {
      const { asked } = this;
      if (!asked.has(path)) {
        asked.set(path, this.fetch(path));
        asked.get(path).catch(() => asked.delete(path)); // the site may answer next time
      }
      return asked.get(path);
    }

    async fetch(path) {
      const answer = await fetch(new URL(path, this.address), { cache: "reload" }).catch(() => null);
      if (!answer?.ok) throw new Error("the site does not answer");
      return answer.json();
    }
  }

  // -------------------------------------------------------------------------------------------------------- the line

  /** The line above the first cell of one notebook. */
  class VersionLine {
    constructor(app, panel, course) {
      Object.assign(this, { app, panel, course, contents: app.serviceManager.contents, kept: [] });
      this.node = document.createElement("div");
      this.node.className = "course-version";
      this.node.hidden = true;
      this.text = this.node.appendChild(document.createElement("span"));
      this.text.setAttribute("role", "status");
      // a cell would take the focus, and the keys
      this.node.setAttribute("data-lm-suppress-shortcuts", "");
      for (const type of ["focusin", "keydown"]) this.node.addEventListener(type, (event) => event.stopPropagation());
      panel.content.outerNode.prepend(this.node);
      this.holdOpen();
      panel.disposed.connect(() => this.letGo());
      const warn = (error) => console.warn("The version of the course is not known:", error);
      let looked = Promise.resolve();
      const look = () => (looked = looked.then(() => this.look()).catch(warn)); // one after the other
      const { context } = panel;
      context.ready.then(look);
      context.pathChanged.connect(() => this.holdOpen());
      context.pathChanged.connect(look);
      const margin = context.lastModifiedCheckMargin;
      context.fileChanged.connect(() => {
        context.lastModifiedCheckMargin = margin; // see takeNewDate
        look();
      });
    }

    get path() {
      return this.panel.context.localPath;
    }

    /** What the notebook is called among all that the pages of this address share. */
    get name() {
      return `${KEY}:${new URL(this.course.address).pathname}${this.path}`;
    }

    /** Let other pages know that the notebook is open here, under the name it has now. */
    holdOpen() {
      this.letGo?.();
      holdOpen(this.name, new Promise((letGo) => Object.assign(this, { letGo })));
    }

    /** Compare the notebook with the course's, and say which it is. */
    async look() {
      const {
        path,
        panel: { context },
      } = this;
      const version = context.model.getMetadata(KEY);
      const versions = await this.course.versions();
      const site = versions?.[path];
      this.hasOriginal = Boolean(site);
      if (!site) return this.say(versions && version ? `Your own copy, of ${named(version)}` : "");
      const original = version?.fingerprint === site.fingerprint ? null : await this.course.original(path);
      if (!original || words(original) === words(context.model.toJSON())) return this.sayCurrent(site);
      const isFromSite = await this.isFromSite();
      if (path !== this.path) return; // it has another name by now, and is looked at under that
      if (isFromSite && !context.model.dirty) {
        context.model.fromJSON(original); // the browser had an older file; at once, so that nothing typed is lost
        context.model.dirty = false;
        return this.sayCurrent(site);
      }
      const which = `Yours is of ${named(version)}, the course has ${named(site)}.`;
      const renew = ["Get the new version", () => this.startAgain()];
      if (recall(this.name) === site.fingerprint) return this.say(which, [renew]);
      const news = "The course has a newer version of this notebook.";
      const promise = "If you get the new one, yours is kept in a file beside it.";
      this.say(`${news} ${which} ${promise}`, [renew, ["Keep mine", () => this.keepMine(site)]], true);
    }

    /** Whether what is shown is nobody's: a file of the site, and the browser keeps no copy. */
    async isFromSite() {
      const {
        contents,
        path,
        panel: { context },
      } = this;
      const { last_modified } = await contents.get(path);
      return last_modified === context.contentsModel.last_modified && !(await isKept(contents, path));
    }

    sayCurrent(site) {
      const buttons = [["Start again from the original", () => this.startAgain()]];
      if (!this.kept.length) return this.say(`V${named(site).slice(1)}`, buttons);
      const open = () => this.app.commands.execute("docmanager:open", { path: this.kept[0] });
      const names = this.kept.map(baseName).join(", ");
      this.say(`V${named(site).slice(1)}. Yours is kept beside it: ${names}`, [["Open yours", open], ...buttons]);
    }

    /** Show a text and buttons, [[label, what it does]]. */
    say(text, buttons = [], isNews = false) {
      const all = JSON.stringify([text, buttons, isNews]);
      if (all === this.shown) return; // else it would be read out again, and a button would lose the focus
      this.shown = all;
      this.node.hidden = !text;
      this.node.classList.toggle("course-news", isNews);
      this.text.textContent = text;
      for (const button of this.node.querySelectorAll("button")) button.remove();
      for (const [label, action] of buttons) {
        const button = this.node.appendChild(document.createElement("button"));
        button.textContent = label;
        button.onclick = action;
      }
    }

    keepMine(site) {
      remember(this.name, site.fingerprint);
      return this.look();
    }

    /** Open the course's notebook, with the reader's own kept beside it; what goes wrong loses nothing. */
    async startAgain() {
      const {
        node,
        panel: { context, content },
      } = this;
      if (this.isBusy) return; // pressed twice
      const complain = (text) => this.say(text, [["Try again", () => this.startAgain()]], true);
      if (content.widgets.some((cell) => cell.model.executionState === "running")) {
        return complain(
          "A cell is running, and what it prints would be lost. Wait until it ends, or restart the kernel.",
        );
      }
      this.isBusy = true;
      this.say("One moment, yours is being kept.");
      let kept = [];
      try {
        if (await isOpenElsewhere(this.name)) {
          return complain("This notebook is open in another tab, too. Close it there.");
        }
        content.viewportNode.inert = true; // nothing is typed meanwhile
        this.course.forget();
        const original = await this.course.original(this.path);
        kept = await oneAtATime(() => this.makeRoom(original));
        this.kept.unshift(...kept);
        if (kept.length) await context.revert();
        await this.look();
        if (!kept.length) this.say(`${this.text.textContent}. It is the original: nothing in it is yours.`);
      } catch (error) {
        let done = "Your notebook is as it was";
        if (kept.length) done = `Yours is kept in ${kept.map(baseName).join(", ")}`;
        if (error.isSpoilt) done = "The browser could not keep your notebook: take a copy now, with File, Download";
        complain(`${done}. The course's could not be opened: ${error.message}.`);
      } finally {
        this.isBusy = false;
        content.viewportNode.inert = false;
        node.querySelector("button")?.focus();
      }
    }

    /** Remove the browser's copy of this notebook once all that is the reader's is kept elsewhere; the paths. */
    async makeRoom(original) {
      const {
        contents,
        path,
        panel: { context },
      } = this;
      const mine = context.model.toJSON();
      const stored = await contents.get(path, { content: true });
      const own = [mine];
      const isOurs = [context.contentsModel.last_modified, this.date].includes(stored.last_modified);
      if (!isOurs) own.push(stored.content); // by another page
      const distinct = new Map(own.map((notebook) => [everything(notebook), notebook]));
      distinct.delete(everything(original));
      if (!distinct.size) return [];
      const wasKept = await isKept(contents, path);
      const checkpoints = await contents.listCheckpoints(path);
      const kept = [];
      try {
        for (const notebook of distinct.values()) {
          kept.push(await freePath(contents, path));
          await write(contents, kept.at(-1), notebook);
        }
        if (wasKept) await copyCheckpoints(contents, path, kept[0]);
        await contents.delete(path);
      } catch (error) {
        if (wasKept && !(await putBack(contents, path, stored.content, checkpoints))) {
          context.model.dirty = true; // it is saved again as soon as the browser can
          throw Object.assign(error, { isSpoilt: true }); // and the copies stay
        }
        await Promise.allSettled(kept.map((copy) => contents.delete(copy)));
        if (wasKept && isOurs) await this.takeNewDate();
        throw error;
      }
      return kept;
    }

    /** The file was written, and by no other page: else Lab would ask before it saves. */
    async takeNewDate() {
      const {
        contents,
        path,
        panel: { context },
      } = this;
      this.date = (await contents.get(path)).last_modified;
      context.lastModifiedCheckMargin = new Date(this.date) - new Date(context.contentsModel.last_modified);
    }
  }

  /** Give every notebook its line, and the menu and the palette the command. */
  function activate(app, tracker, palette, menu) {
    const style = document.head.appendChild(document.createElement("style"));
    style.textContent = STYLE;
    const course = new Course(app.serviceManager.serverSettings.baseUrl);
    const lines = new WeakMap();
    const add = (panel) => lines.set(panel, new VersionLine(app, panel, course));
    tracker.forEach(add);
    tracker.widgetAdded.connect((_, panel) => add(panel));
    app.commands.addCommand(COMMAND, {
      label: LABEL,
      caption: "Open the course's own notebook; yours is kept in a file beside it",
      isEnabled: () => Boolean(lines.get(tracker.currentWidget)?.hasOriginal),
      execute: () => lines.get(tracker.currentWidget).startAgain(),
    });
    palette?.addItem({ command: COMMAND, category: "Notebook Operations" });
    menu?.fileMenu.addGroup([{ command: COMMAND }], 30);
  }

  let shared;

  /** A module of the page's JupyterLab. */
  async function take(name) {
    const [version] = Object.values(shared[name]);
    return (await version.get())();
  }

  return {
    init: (scope) => {
      shared = scope;
    },
    get: async () => {
      const { INotebookTracker } = await take("@jupyterlab/notebook");
      const { ICommandPalette } = await take("@jupyterlab/apputils");
      const { IMainMenu } = await take("@jupyterlab/mainmenu");
      const optional = [ICommandPalette, IMainMenu];
      const plugin = { id: `${KEY}-copies:plugin`, autoStart: true, requires: [INotebookTracker], optional, activate };
      return () => plugin;
    },
  };
})();
