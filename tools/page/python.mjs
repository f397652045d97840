// Pyodide as the kernel of a page loads it, with what lets the course start quickly.
const PYODIDE = new URL("./pyodide.mjs", import.meta.url); // where Python comes from elsewhere, tools/lite.py writes it here
const DATA = new URL("../../files/data/", import.meta.url);
const MNIST = [
  "train-images-idx3-ubyte.gz",
  "train-labels-idx1-ubyte.gz",
  "t10k-images-idx3-ubyte.gz",
  "t10k-labels-idx1-ubyte.gz",
];

// Python looks for each module in the working directory first. Here that asks the page's drive, a hundred times before the
// kernel is ready: let it look there last.
const LOOK_THERE_LAST = `
import os, sys
if sys.path[0] in ("", os.getcwd()):
    sys.path.append(sys.path.pop(0))
next(path for path in sys.path if path.endswith("site-packages"))
`;

let begun = null;

// Begin to load before the kernel asks.
export function begin(options) {
  begun = start(options);
  begun.catch(() => {}); // the kernel will be told
}

// What the kernel calls.
export async function loadPyodide(options) {
  if (!begun) return start(options);
  const pyodide = await begun;
  begun = null;
  pyodide.setStdout({ batched: options.stdout });
  pyodide.setStderr({ batched: options.stderr });
  return pyodide;
}

async function start(options) {
  const { loadPyodide } = await import(PYODIDE);
  const pyodide = await loadPyodide({ ...options, indexURL: new URL(".", PYODIDE).href });
  readAhead(pyodide.FS, `${pyodide.runPython(LOOK_THERE_LAST)}/data`);
  return pyodide;
}

// Fetch the data while the reader reads, and put it beside the package, where the course looks first. Until it is there,
// and if it does not come, Python asks the page's drive, which takes seconds.
async function readAhead(FS, folder) {
  const read = async (name) => {
    const response = await fetch(new URL(name, DATA));
    if (!response.ok) throw new Error(`${name}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };
  try {
    const files = await Promise.all(MNIST.map(read));
    FS.mkdirTree(folder);
    for (const [i, bytes] of files.entries()) FS.writeFile(`${folder}/${MNIST[i]}`, bytes);
  } catch (error) {
    console.warn(error);
  }
}
