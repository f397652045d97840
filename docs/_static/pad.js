// The drawing pad of a page: a sheet, and beside it what a network sees and says, at each point of a stroke. The sheet is
// the notebook's (mnist_scratch/classroom/drawing.js), reader.js reads it, relu-128-64.js holds the network.

(() => {
  const CALM = 500; // milliseconds without a change until the words are said
  const BRIGHTEST = 5; // the activation that a unit shows in full color
  const [BLACK, RED] = [
    [0, 0, 0],
    [255, 0, 0],
  ];

  function layout({ name, sizes, accuracy }) {
    const results = `${document.documentElement.dataset.content_root}results/comparison.html`;
    const figure = (width, height, label, caption) =>
      `<figure><canvas width="${width}" height="${height}" role="img" aria-label="${label}"></canvas>
        <figcaption>${caption}</figcaption></figure>`;
    const units = sizes.slice(1, -1).map((n, i) => {
      const label = `The ${n} units of hidden layer ${i + 1}: white is 0, red is ${BRIGHTEST} or more`;
      return figure(n / 16, 16, label, `${n} units`);
    });
    const bars = Array.from(
      { length: 10 },
      (_, k) => `<li><b>${k}</b><span class="drawing-bar"></span><span></span></li>`,
    );
    return `
      <div class="drawing-sheet"></div>
      <div class="drawing-reading">
        <div class="drawing-layers">
          ${figure(28, 28, "The digit as the network sees it", "28 × 28 pixels")} ${units.join("")}
        </div>
        <ol class="drawing-bars" aria-label="Probability of each digit">${bars.join("")}</ol>
      </div>
      <div class="drawing-words" aria-live="polite"></div>
      <p class="drawing-network">Read here, in the page, by <a href="${results}">${name}</a>, which gets
        ${(100 * accuracy).toFixed(1)}% of the test images right. It has ten answers, and gives one of them to whatever is drawn.</p>`;
  }

  /** Put a pad into an element, in the place of what it holds. */
  function showPad(element) {
    const { sizes, example } = course.reader;
    const net = course.networkOf(course.reader);
    element.classList.add("live");
    element.innerHTML = layout(course.reader);
    const [digit, ...hidden] = element.querySelectorAll("canvas");
    const bars = element.querySelectorAll(".drawing-bars li");

    let strokes = example;
    let reading = null; // what the network makes of them
    const nothing = sizes.map((n) => new Float64Array(n));
    const show = () => {
      reading = course.read(net, strokes);
      const { row = nothing[0], layers = nothing.slice(1) } = reading;
      paint(digit, row, 1, BLACK);
      for (const [i, canvas] of hidden.entries()) paint(canvas, layers[i], BRIGHTEST, RED);
      const probabilities = layers.at(-1);
      const most = Math.max(...probabilities);
      for (const [k, bar] of bars.entries()) {
        bar.style.setProperty("--probability", probabilities[k]);
        bar.classList.toggle("largest", most > 0 && probabilities[k] === most);
        bar.lastChild.textContent = `${(100 * probabilities[k]).toFixed(0)}%`;
      }
    };
    const say = () => {
      const more = strokes === example ? " An example: draw your own in its place." : "";
      element.querySelector(".drawing-words").textContent = reading.words + more;
    };

    // The sheet asks for traits and sends strokes, as it does beside Python
    let [frame, calm, replaced] = [0, 0, null];
    const model = {
      get: (trait) => ({ strokes, pen: course.pen, wait: 0 })[trait],
      set(_, value) {
        strokes = value;
      },
      save_changes() {
        cancelAnimationFrame(frame);
        clearTimeout(calm);
        frame = requestAnimationFrame(show);
        calm = setTimeout(say, CALM);
      },
      on(_, listener) {
        replaced = listener;
      },
    };
    const button = (label, change) => {
      const onclick = () => {
        strokes = change();
        replaced();
        model.save_changes();
      };
      return course.make("button", { type: "button", onclick }, label);
    };
    const sheet = element.querySelector(".drawing-sheet");
    course.drawing.render({ model, el: sheet });
    // The reader's first stroke takes the example's place; this hears of it before the paper does
    const giveWay = ({ target, key, button }) => {
      if (strokes !== example || target.localName !== "canvas" || (key !== " " && button !== 0)) return;
      strokes = [];
      replaced();
    };
    for (const begins of ["pointerdown", "keydown"]) sheet.addEventListener(begins, giveWay, true);
    sheet.append(
      button("Clear", () => []),
      button("Undo last stroke", () => strokes.slice(0, -1)),
    );
    show();
    say();
  }

  // Values as pixels, white for 0, in a color for `full` and more
  function paint(canvas, values, full, color) {
    const picture = new ImageData(canvas.width, canvas.height);
    for (const [i, value] of values.entries())
      picture.data.set([...color.map((part) => 255 + (part - 255) * (value / full)), 255], 4 * i);
    canvas.getContext("2d").putImageData(picture, 0, 0);
  }

  Object.assign(course, { showPad });

  // The network is large: it and the rest are loaded, one after the other, when a pad comes near the screen
  document.addEventListener("DOMContentLoaded", () => {
    for (const pad of document.querySelectorAll("[data-pad]"))
      course.whenNear(pad, async () => {
        for (const name of ["reader.js", "drawing.js", "relu-128-64.js"]) await course.load(name);
        showPad(pad);
      });
  });
})();
