// The drawing pad in the browser. It draws strokes itself and at once, and sends them to the kernel now and then.
// The kernel draws the same strokes again for the network: `picture_of` in drawing.py.

const SIDE = 560; // pixels of the canvas; shown at half the size, so that lines stay sharp
const STEP = 1 / 28; // of the side, for an arrow key
const WAIT = 60; // milliseconds between messages to the kernel; a page without one waits as long as its model says
const HINT = "Arrow keys move the pen, Space puts it down or lifts it, Delete clears.";
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  canvas.className = "drawing-paper";
  canvas.width = canvas.height = SIDE;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application"); // so that screen readers leave the arrow keys to us
  canvas.setAttribute("data-lm-suppress-shortcuts", "true"); // of JupyterLab and Notebook: a key may delete a cell
  canvas.setAttribute("aria-label", `Drawing pad: draw one digit with the mouse, a pen or a finger. ${HINT}`);
  const status = document.createElement("div");
  status.className = "drawing-status";
  status.setAttribute("role", "status");
  el.append(canvas, status);
  const context = canvas.getContext("2d");

  let strokes = model.get("strokes"); // never changed in place, always replaced: the model compares old with new
  let pointer = null; // the id of the mouse, pen or finger that is drawing
  let down = false; // whether the next point goes on with the last stroke
  let cursor = [0.5, 0.5]; // where the keyboard's pen is
  let shown = false; // whether the cursor is drawn
  let timer = null;

  function draw() {
    const pen = model.get("pen") * SIDE;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "white";
    context.fillRect(0, 0, SIDE, SIDE);
    context.strokeStyle = "#111";
    context.lineWidth = pen;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * SIDE, stroke[0][1] * SIDE + 0.01); // a dot too has a length, or it isn't drawn
      for (const [x, y] of stroke) context.lineTo(x * SIDE, y * SIDE);
      context.stroke();
    }
    if (shown) {
      context.beginPath();
      context.arc(cursor[0] * SIDE, cursor[1] * SIDE, pen / 2 + 4, 0, 7);
      context.strokeStyle = "#D55E00";
      context.lineWidth = 5;
      context.setLineDash(down ? [] : [9, 8]); // dashed: the pen is lifted
      context.stroke();
      context.setLineDash([]);
    }
    const text = shown ? `The pen is ${down ? "down" : "lifted"}. ${HINT}` : "";
    if (status.textContent !== text) status.textContent = text; // the same again would be read out again
  }

  function send() {
    clearTimeout(timer);
    timer = null;
    model.set("strokes", strokes);
    model.save_changes();
  }

  function add(point) {
    const [x, y] = point.map((value) => Math.round(1e4 * Math.min(1, Math.max(0, value))) / 1e4);
    strokes = down ? [...strokes.slice(0, -1), [...strokes.at(-1), [x, y]]] : [...strokes, [[x, y]]];
    down = true;
    draw();
    timer ??= setTimeout(send, model.get("wait") ?? WAIT);
  }

  function lift() {
    down = false;
    if (timer !== null) send();
    draw();
  }

  // a point on the paper is added; where the pointer leaves the paper a stroke ends, where it comes back one begins
  function follow(event) {
    const paper = canvas.getBoundingClientRect();
    const point = [(event.clientX - paper.left) / paper.width, (event.clientY - paper.top) / paper.height];
    const inside = point.every((value) => value >= 0 && value <= 1);
    if (inside || down) add(point);
    down = inside;
  }

  canvas.onpointerdown = (event) => {
    if (pointer !== null || event.button !== 0) return;
    pointer = event.pointerId;
    shown = down = false;
    follow(event);
    canvas.setPointerCapture(pointer); // its moves come here wherever it goes
  };
  canvas.onpointermove = (event) => {
    if (event.pointerId !== pointer) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const point of passed.length ? passed : [event]) follow(point);
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    lift();
  };

  canvas.onfocus = () => {
    if (!canvas.matches(":focus-visible") || pointer !== null) return; // reached with the mouse
    shown = true;
    draw();
  };
  canvas.onblur = () => {
    shown = false;
    if (pointer === null) lift();
  };
  canvas.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation(); // for pages with other shortcuts
    const { key } = event;
    if (key === "Escape") canvas.blur(); // the way out of the pad, as everywhere
    if (!(key in ARROWS) && ![" ", "Delete", "Backspace"].includes(key)) return;
    event.preventDefault(); // arrows and Space would scroll the page
    if (pointer !== null) return;
    shown = true;
    if (key in ARROWS) {
      cursor = cursor.map((value, i) => Math.min(1, Math.max(0, value + ARROWS[key][i])));
      if (down) add(cursor);
    } else if (key === " ") {
      if (event.repeat) return; // held down
      if (down) lift();
      else add(cursor);
    } else {
      down = false;
      strokes = [];
      send();
    }
    draw();
  };

  // from Python, or from another view of this pad
  function replaced() {
    if (model.get("strokes") === strokes) return;
    strokes = model.get("strokes");
    down = false;
    draw();
  }
  model.on("change:strokes", replaced);
  draw();
  return () => {
    if (timer !== null) send();
    model.off("change:strokes", replaced);
  };
}

export default { render };
