// A kernel's worker, begun before the kernel: Pyodide loads, and the kernel's program comes later.
import { begin } from "./python.mjs";

begin(JSON.parse(name));
const waiting = [];
addEventListener("message", wait);

// What was said to the program before it was there, it hears then.
function wait(message) {
  const { program } = message.data;
  if (!program) return waiting.push(message);
  import(program).then(() => {
    removeEventListener("message", wait);
    for (const { data, ports } of waiting) dispatchEvent(new MessageEvent("message", { data, ports }));
  });
}
