// node in_pyodide.mjs FOLDER FILE.py: run a Python file in the Pyodide of a folder, with all packages of its lock file.
// Python finds the folder as /pyodide.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2).map((path) => resolve(path));
try {
  const { loadPyodide } = await import(pathToFileURL(`${folder}/pyodide.mjs`));
  const { packages } = JSON.parse(readFileSync(`${folder}/pyodide-lock.json`, "utf8"));
  const pyodide = await loadPyodide({ indexURL: folder, packages: Object.keys(packages) });
  pyodide.FS.mkdir("/pyodide");
  pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: folder }, "/pyodide");
  pyodide.runPython(readFileSync(file, "utf8"), { filename: file });
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
