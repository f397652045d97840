// Pyodide as the kernel of a page loads it, and one thing set right before anything is imported.
const PYODIDE = new URL("./pyodide.mjs", import.meta.url); // where Python comes from elsewhere, tools/lite.py writes it here

export async function loadPyodide(options) {
  const { loadPyodide } = await import(PYODIDE);
  const pyodide = await loadPyodide({ ...options, indexURL: new URL(".", PYODIDE).href });
  // Python looks for each module in the working directory first. Here that asks the page's drive, a hundred times before
  // the kernel is ready: let it look there last.
  pyodide.runPython("import sys; sys.path.append(sys.path.pop(0))");
  return pyodide;
}
